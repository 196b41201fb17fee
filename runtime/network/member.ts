/** A machine in a network, as the housekeeping core describes it to every core of that network. */
export interface Member {
  /** Number of the machine. */
  readonly machine: number;
  /** Number of its port. */
  readonly port: number;
  /** Of its device. */
  readonly mac: Uint8Array;
  /** What comes for it; see `inbox.ts`. */
  readonly inbox: SharedArrayBuffer;
  /** The core that serves it: the stub's handle, and the address of its block. */
  readonly core: { readonly handle: number; readonly block: bigint };
}
