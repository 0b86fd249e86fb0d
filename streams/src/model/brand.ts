/** Nominal typing for ids and quantities, so that a seq cannot be passed where an offset is meant. */
declare const brand: unique symbol;
export type Brand<T, B extends string> = T & { readonly [brand]: B };
