/** The real one, whose methods see it as it is, but for some of its parts: to look on, to hold up, or to fail. */
export function insteadOf<T extends object>(real: T, parts: Partial<T>): T {
  return new Proxy(real, {
    get(target, name) {
      const from = Object.hasOwn(parts, name) ? parts : target;
      const value: unknown = Reflect.get(from, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
