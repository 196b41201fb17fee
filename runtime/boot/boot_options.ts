/** What a kernel is given besides memory. */

/** A file that a kernel finds in memory: an initial RAM disk, or a multiboot module. */
export interface Initrd {
  /** For messages. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** See the head of this file. */
export interface BootOptions {
  readonly cmdline: string;
  /** How many hypercall pages lie at the top of low memory. */
  readonly vcpus: number;
  readonly initrd?: Initrd;
  /** Where the ACPI root pointer lies, guest-physical. */
  readonly rsdp?: number;
}
