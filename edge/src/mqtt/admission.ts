/** Why a connection is not let in. */
export type NotAdmitted = "TOO_MANY_CONNECTIONS" | "TOO_MANY_FROM_ADDRESS";

export interface AdmissionLimits {
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  readonly waitingMax: number;
  readonly waitingPerAddressMax: number;
}

export interface Ticket {
  /** The connection has proved who it is. */
  signedIn(): void;
  /** The connection is gone. Idempotent. */
  leave(): void;
}

interface Holder {
  readonly address: string;
  /** Ends the connection: another needs its place. */
  readonly drop: () => void;
}

/**
 * Counts connections, all and per address, and apart from them those that have not signed in. Whoever only opens
 * connections gets in the way of others at his own address at most: when too many wait, the one that has waited longest goes.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  /** In the order in which they came. */
  readonly #waiting = new Set<Holder>();
  readonly #perAddress = new Map<string, { all: number; waiting: number }>();
  #all = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get connections(): number {
    return this.#all;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  enter(address: string, drop: () => void): Ticket | NotAdmitted {
    const { connectionsMax, connectionsPerAddressMax, waitingMax, waitingPerAddressMax } = this.#limits;
    const counts = this.#perAddress.get(address) ?? { all: 0, waiting: 0 };
    if (counts.all >= connectionsPerAddressMax || counts.waiting >= waitingPerAddressMax)
      return "TOO_MANY_FROM_ADDRESS";
    if (this.#all >= connectionsMax || this.#waiting.size >= waitingMax) {
      const [oldest] = this.#waiting;
      if (oldest === undefined) return "TOO_MANY_CONNECTIONS";
      // Leaves by its own ticket, within this call.
      oldest.drop();
    }
    const holder: Holder = { address, drop };
    this.#waiting.add(holder);
    this.#perAddress.set(address, counts);
    counts.all++;
    counts.waiting++;
    this.#all++;
    return this.#ticket(holder, counts);
  }

  #ticket(holder: Holder, counts: { all: number; waiting: number }): Ticket {
    let isGone = false;
    const signedIn = () => {
      if (this.#waiting.delete(holder)) counts.waiting--;
    };
    const leave = () => {
      if (isGone) return;
      isGone = true;
      signedIn();
      this.#all--;
      if (--counts.all === 0 && this.#perAddress.get(holder.address) === counts)
        this.#perAddress.delete(holder.address);
    };
    return { signedIn, leave };
  }
}
