/** Records of an execution trace as lines for people. */
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from "iced-x86";
import { REGISTERS, type TraceRecord } from "../runtime/execution_trace.ts";
import { reasonName } from "../runtime/exit_reasons.ts";

/** Mnemonics of exceptions by vector (SDM volume 3, 6.3.1). */
const EXCEPTIONS = new Map([
  ...[[0, "#DE"], [1, "#DB"], [2, "NMI"], [3, "#BP"], [4, "#OF"], [5, "#BR"], [6, "#UD"]],
  ...[[7, "#NM"], [8, "#DF"], [10, "#TS"], [11, "#NP"], [12, "#SS"], [13, "#GP"], [14, "#PF"]],
  ...[[16, "#MF"], [17, "#AC"], [18, "#MC"], [19, "#XM"]],
] as [number, string][]);

/** Status and system flags that are shown, by bit (SDM volume 1, 3.4.3). */
const FLAGS = new Map([
  ...[[0, "C"], [2, "P"], [4, "A"], [6, "Z"], [7, "S"], [8, "T"], [9, "I"], [10, "D"], [11, "O"]],
] as [number, string][]);

const BYTES_COLUMN = 24, TEXT_COLUMN = 40;

function hex(value: bigint | number, digits = 1): string {
  return value.toString(16).padStart(digits, "0");
}

function flagsText(flags: bigint): string {
  const set = [...FLAGS].filter(([bit]) => flags >> BigInt(bit) & 1n).map(([, name]) => name);
  return set.join("") || "-";
}

function eventName(vector: number): string {
  return EXCEPTIONS.get(vector) ?? `interrupt 0x${hex(vector)}`;
}

/** See the head of this file. Keeps the registers of each vCPU, to say what has changed. */
export class TraceText implements Disposable {
  readonly #formatter = new Formatter(FormatterSyntax.Nasm);
  readonly #last = new Map<number, Pick<TraceRecord, "registers" | "flags">>();
  readonly #several: boolean;

  /** @param several whether lines say which vCPU they are of */
  constructor(several: boolean) {
    this.#several = several;
  }

  /**
   * The line of a record; undefined when there is nothing to say.
   *
   * @example
   * `12 100003 b8 01 00 00 00  mov eax,1  rax=1`
   */
  line(record: TraceRecord): string | undefined {
    const changed = this.#changes(record);
    const vcpu = this.#several ? `vCPU ${record.vcpu} ` : "";
    switch (record.kind) {
      case "start":
        return undefined;
      case "answer":
        return changed && `${vcpu}${" ".repeat(10)} answered  ${changed}`;
      case "event":
        return `${vcpu}${" ".repeat(10)} ${eventName(record.detail)} delivered, at ${
          hex(record.rip)
        }  ${changed}`.trimEnd();
      default:
        return `${vcpu}${this.#instruction(record, changed)}`;
    }
  }

  #instruction(record: TraceRecord, changed: string): string {
    const { bytes, text } = this.#disassemble(record);
    const what = record.kind === "fault"
      ? `${eventName(record.detail)} `
      : record.kind === "exit"
      ? `exit ${record.detail} (${reasonName(record.detail)}) `
      : "";
    return [
      String(record.number).padStart(10),
      hex(record.rip, 16),
      bytes.padEnd(BYTES_COLUMN),
      text.padEnd(TEXT_COLUMN),
      what + changed,
    ].join(" ").trimEnd();
  }

  /** Its bytes, as many as it has, and what it is. */
  #disassemble({ code, bits, rip }: TraceRecord): { bytes: string; text: string } {
    if (code.length === 0) return { bytes: "", text: "(no instruction)" };
    const decoder = new Decoder(bits, code, DecoderOptions.None);
    decoder.ip = rip;
    const instruction = decoder.decode();
    const length = instruction.isInvalid ? code.length : instruction.length;
    const text = this.#formatter.format(instruction);
    instruction.free();
    decoder.free();
    return { bytes: [...code.subarray(0, length)].map((byte) => hex(byte, 2)).join(" "), text };
  }

  #changes({ vcpu, registers, flags }: TraceRecord): string {
    const last = this.#last.get(vcpu);
    this.#last.set(vcpu, { registers, flags });
    if (!last) return "";
    const changed = REGISTERS.flatMap((name, i) =>
      registers[i] === last.registers[i] ? [] : [`${name}=${hex(registers[i]!)}`]
    );
    if (flags !== last.flags) changed.push(`flags=${flagsText(flags)}`);
    return changed.join(" ");
  }

  [Symbol.dispose](): void {
    this.#formatter.free();
  }
}
