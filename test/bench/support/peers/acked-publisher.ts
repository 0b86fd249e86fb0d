import type { Msg, NatsConnection } from "nats";

interface Batch {
  left: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Publishes to JetStream batch by batch, and counts the acknowledgements: the client's own way waits for each apart. */
export class AckedPublisher {
  private readonly batches = new Map<string, Batch>();
  private next = 0;

  constructor(
    private readonly connection: NatsConnection,
    private readonly inbox: string,
  ) {
    connection.subscribe(`${inbox}.*`, { callback: (_error, message) => this.acknowledged(message) });
  }

  /** Resolves when the server has acknowledged all of them. */
  publish(messages: readonly { readonly subject: string; readonly value: Uint8Array }[]): Promise<void> {
    const reply = `${this.inbox}.${this.next++}`;
    return new Promise((resolve, reject) => {
      this.batches.set(reply, { left: messages.length, resolve, reject });
      for (const { subject, value } of messages) this.connection.publish(subject, value, { reply });
    });
  }

  private acknowledged({ subject, data }: Msg): void {
    const batch = this.batches.get(subject);
    if (batch === undefined) return;
    const said = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    if (said.includes('"error"')) batch.reject(new Error(`JetStream refused a message: ${said.toString()}`));
    else if (--batch.left === 0) batch.resolve();
    else return;
    this.batches.delete(subject);
  }
}
