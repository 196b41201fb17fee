/** Records of what a traced machine executes, read out of the stub. */
import {
  TRACE_ANSWER,
  TRACE_EVENT,
  TRACE_EXIT,
  TRACE_FAULT,
  TRACE_INSTRUCTION,
  TRACE_RECORD_BYTES,
  TRACE_RECORD_CODE,
  TRACE_RECORD_CODE_SIZE,
  TRACE_RECORD_DETAIL,
  TRACE_RECORD_FLAGS,
  TRACE_RECORD_KIND,
  TRACE_RECORD_LENGTH,
  TRACE_RECORD_NUMBER,
  TRACE_RECORD_REG,
  TRACE_RECORD_RIP,
  TRACE_RECORD_VCPU,
  TRACE_START,
} from "../cores/abi.ts";
import { check, type Stub } from "../cores/stub.ts";

/** Names of the general registers, by their number in instructions. */
export const REGISTERS = [
  ...["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"],
  ...["r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"],
] as const;

const KINDS = {
  [TRACE_INSTRUCTION]: "instruction",
  [TRACE_FAULT]: "fault",
  [TRACE_EXIT]: "exit",
  [TRACE_ANSWER]: "answer",
  [TRACE_EVENT]: "event",
  [TRACE_START]: "start",
} as const;

/**
 * What a record is: an instruction that was run; one that raised exception `detail`; one that left for
 * the hypervisor with reason `detail`; the hypervisor's answer; an exception or interrupt `detail` that
 * was delivered; or the registers before the first record of a vCPU.
 */
export type TraceKind = (typeof KINDS)[keyof typeof KINDS];

/** One record. Registers and flags are those after it. */
export interface TraceRecord {
  /** What it is. */
  readonly kind: TraceKind;
  /** Instructions of the machine that began before it. */
  readonly number: number;
  /** Whose. */
  readonly vcpu: number;
  /** Where the instruction lies; otherwise where the vCPU goes on. */
  readonly rip: bigint;
  /** An exit reason or a vector, as its kind says. */
  readonly detail: number;
  /** The instruction's; of one that does not exist, what could be looked at; else none. */
  readonly code: Uint8Array;
  /** How it was decoded: for 16, 32 or 64 bits. */
  readonly bits: 16 | 32 | 64;
  /** By {@link REGISTERS}. */
  readonly registers: BigUint64Array;
  /** RFLAGS. */
  readonly flags: bigint;
}

/** Records taken out at once. */
const BATCH = 512;

/** See the head of this file. */
export class TraceReader {
  readonly #stub: Stub;
  readonly #vm: number;
  readonly #bytes = new Uint8Array(BATCH * TRACE_RECORD_BYTES);

  /** @param vm the stub's handle of the machine */
  constructor(stub: Stub, vm: number) {
    this.#stub = stub;
    this.#vm = vm;
  }

  /** What has been recorded since the last call, at most 512 records. */
  read(): TraceRecord[] {
    const size = check(
      this.#stub,
      this.#stub.sx_vm_trace_read(this.#vm, this.#bytes, this.#bytes.length),
    );
    const records: TraceRecord[] = [];
    for (let at = 0; at < size; at += TRACE_RECORD_BYTES) {
      records.push(recordOf(this.#bytes.slice(at, at + TRACE_RECORD_BYTES)));
    }
    return records;
  }
}

function recordOf(bytes: Uint8Array<ArrayBuffer>): TraceRecord {
  const words = new Uint32Array(bytes.buffer), longs = new BigUint64Array(bytes.buffer);
  const first = TRACE_RECORD_REG / 2, code = TRACE_RECORD_CODE * 4;
  return {
    kind: KINDS[words[TRACE_RECORD_KIND]! as keyof typeof KINDS],
    number: Number(longs[TRACE_RECORD_NUMBER / 2]!),
    vcpu: words[TRACE_RECORD_VCPU]!,
    rip: longs[TRACE_RECORD_RIP / 2]!,
    detail: words[TRACE_RECORD_DETAIL]!,
    code: bytes.subarray(code, code + words[TRACE_RECORD_LENGTH]!),
    bits: words[TRACE_RECORD_CODE_SIZE] === 2 ? 16 : words[TRACE_RECORD_CODE_SIZE] === 4 ? 32 : 64,
    registers: longs.subarray(first, first + REGISTERS.length),
    flags: longs[TRACE_RECORD_FLAGS / 2]!,
  };
}
