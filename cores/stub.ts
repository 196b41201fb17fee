/** The native stub by FFI: symbols, and failures as errors that name the call. */

/**
 * FFI declarations of `stub/exports.h`. Only numbers and buffers cross: a handle that is stale or
 * invented is refused by the stub, an address is never handed in.
 */
export const SYMBOLS = {
  sx_abi_version: { parameters: [], result: "i32" },
  sx_error_text: { parameters: ["buffer", "u32"], result: "i32" },
  sx_probe_engine: { parameters: ["buffer", "u32"], result: "i32" },
  sx_large_pages: { parameters: ["buffer", "u32"], result: "i32" },
  sx_tsc: { parameters: [], result: "f64" },
  sx_tsc_khz: { parameters: ["u32"], result: "f64" },
  sx_clock_realtime: { parameters: ["buffer", "u32"], result: "i32" },
  sx_core_create: { parameters: [], result: "i32" },
  sx_core_block_of: { parameters: ["i32"], result: "pointer" },
  sx_core_park: { parameters: ["i32", "u32"], result: "i32" },
  sx_core_wake: { parameters: ["i32"], result: "i32" },
  sx_core_destroy: { parameters: ["i32"], result: "i32" },
  sx_vm_create: { parameters: ["u32", "u32"], result: "i32" },
  sx_vm_memory: { parameters: ["i32"], result: "pointer" },
  sx_vm_set_clock: { parameters: ["i32", "u32", "u32", "u32", "u32", "u32", "u32"], result: "i32" },
  sx_vm_clock_state: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  sx_vm_trace: { parameters: ["i32", "u32", "u32", "u32", "u32"], result: "i32" },
  sx_vm_trace_read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  sx_vm_create_irqchip: { parameters: ["i32", "u32"], result: "i32" },
  sx_vm_route: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  sx_vm_disable_exits: { parameters: ["i32", "u32"], result: "i32" },
  sx_vm_irq_line: { parameters: ["i32", "u32", "u32"], result: "i32" },
  sx_vm_signal_msi: { parameters: ["i32", "i32", "i32", "i32"], result: "i32" },
  sx_vm_doorbell: { parameters: ["i32", "i32", "i32", "i32", "u32"], result: "i32" },
  sx_vm_resident: { parameters: ["i32"], result: "f64" },
  sx_vm_statistics: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  sx_vm_destroy: { parameters: ["i32"], result: "i32" },
  sx_vcpu_create: { parameters: ["i32", "u32"], result: "i32" },
  sx_vcpu_block_of: { parameters: ["i32"], result: "pointer" },
  sx_vcpu_set_cpuid: { parameters: ["i32", "buffer", "u32", "u32"], result: "i32" },
  sx_vcpu_boot_pvh: { parameters: ["i32", "u32", "u32"], result: "i32" },
  sx_vcpu_boot_multiboot: { parameters: ["i32", "u32", "u32"], result: "i32" },
  sx_vcpu_boot_long: { parameters: ["i32", "u32", "u32", "u32", "u32", "u32"], result: "i32" },
  sx_vcpu_start: { parameters: ["i32", "u32", "i32"], result: "i32" },
  sx_vcpu_run: { parameters: ["i32"], result: "i32" },
  sx_vcpu_command: { parameters: ["i32", "u32"], result: "i32" },
  sx_vcpu_hold: { parameters: ["i32"], result: "i32" },
  sx_vcpu_release: { parameters: ["i32"], result: "i32" },
  sx_vcpu_pause: { parameters: ["i32"], result: "f64" },
  sx_vcpu_statistics: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  sx_vcpu_get_state: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  sx_vcpu_set_state: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  sx_vcpu_set_controls: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  sx_vcpu_inject: { parameters: ["i32", "u32", "u32", "u32"], result: "i32" },
  sx_vm_set_ept: { parameters: ["i32", "u32", "u32", "u32"], result: "i32" },
  sx_vcpu_destroy: { parameters: ["i32"], result: "i32" },
  sx_thread_id: { parameters: [], result: "i32" },
  sx_thread_yield: { parameters: [], result: "i32" },
  sx_thread_pin: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  sx_random: { parameters: ["buffer", "u32"], result: "i32" },
  sx_file_open: { parameters: ["buffer", "u32", "u32"], result: "i32" },
  sx_file_size: { parameters: ["i32"], result: "f64" },
  // Halves of 64-bit values cross as signed words, as an Int32Array holds them: FFI refuses a
  // negative number as a u32.
  sx_file_read: { parameters: ["i32", "i32", "i32", "i32", "u32", "i32", "i32"], result: "i32" },
  sx_file_write: { parameters: ["i32", "i32", "i32", "i32", "u32", "i32", "i32"], result: "i32" },
  sx_file_read_segments: {
    parameters: ["i32", "i32", "buffer", "u32", "i32", "i32"],
    result: "i32",
  },
  sx_file_write_segments: {
    parameters: ["i32", "i32", "buffer", "u32", "i32", "i32"],
    result: "i32",
  },
  sx_file_zero: { parameters: ["i32", "i32", "i32", "u32", "u32"], result: "i32" },
  sx_file_flush: { parameters: ["i32"], result: "i32" },
  sx_file_flush_start: { parameters: ["i32"], result: "i32" },
  sx_file_flush_poll: { parameters: ["i32", "u32"], result: "i32" },
  sx_file_close: { parameters: ["i32"], result: "i32" },
  sx_tap_open: { parameters: ["buffer", "u32"], result: "i32" },
  sx_tap_receive: { parameters: ["i32", "i32", "buffer", "u32"], result: "i32" },
  sx_tap_send: { parameters: ["i32", "i32", "buffer", "u32"], result: "i32" },
  sx_tap_close: { parameters: ["i32"], result: "i32" },
  sx_terminal_guard: { parameters: ["i32"], result: "i32" },
  sx_terminal_release: { parameters: [], result: "i32" },
  sx_stream_connect: { parameters: ["buffer", "u32"], result: "i32" },
  sx_stream_receive: { parameters: ["i32", "i32", "buffer", "u32"], result: "i32" },
  sx_stream_send: { parameters: ["i32", "i32", "buffer", "u32"], result: "i32" },
  sx_stream_close: { parameters: ["i32"], result: "i32" },
} as const;

/** The stub's functions. */
export type Stub = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** A call of the stub that failed. */
export class StubError extends Error {
  /** Positive errno. */
  readonly errno: number;

  constructor(errno: number, message: string) {
    super(message);
    this.name = "StubError";
    this.errno = errno;
  }
}

/**
 * Loads the stub.
 *
 * @param path the shared library that `build/stub.ts` made
 */
export function openStub(path: string): Stub {
  return Deno.dlopen(path, SYMBOLS).symbols;
}

/**
 * Passes a result through, or throws with the stub's words. To be called at once, on the thread
 * that made the call.
 *
 * @throws StubError when `result` is negative
 */
export function check(stub: Stub, result: number): number {
  if (result >= 0) return result;
  const text = new Uint8Array(160);
  const length = stub.sx_error_text(text, text.length);
  throw new StubError(-result, new TextDecoder().decode(text.subarray(0, Math.max(0, length))));
}

/** A live view, as 32-bit words, of memory that the stub mapped and keeps mapped. */
export function wordsAt(address: bigint, bytes: number): Int32Array {
  const pointer = Deno.UnsafePointer.create(address);
  if (pointer === null) throw new TypeError("wordsAt() of a null address");
  return new Int32Array(Deno.UnsafePointerView.getArrayBuffer(pointer, bytes));
}

/** A 64-bit counter at two words of such a view, low half first. */
export function longAt(words: Int32Array, at: number): number {
  return (words[at + 1]! >>> 0) * 2 ** 32 + (words[at]! >>> 0);
}

/** The address behind a pointer that the stub returned. */
export function addressOf(pointer: Deno.PointerValue): bigint {
  if (pointer === null) throw new TypeError("the stub returned no address for a handle");
  return Deno.UnsafePointer.value(pointer);
}
