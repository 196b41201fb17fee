/** Pieces of machine code for guests without a kernel, assembled in one go by the host's compiler. */
import { join } from "node:path";
import { compile } from "../build/compiler.ts";

/** Where each piece lies, and the bytes of all of them from `base` on. */
export interface Assembled {
  readonly bytes: Uint8Array;
  readonly at: ReadonlyMap<string, number>;
}

const ENTRY_BYTES = 8;

/**
 * Assembles pieces, in AT&T syntax, to run at `base`.
 *
 * @param pieces source by name; 64-bit code unless it says otherwise
 */
export async function assemble(
  pieces: Readonly<Record<string, string>>,
  base: number,
): Promise<Assembled> {
  const names = Object.keys(pieces);
  const source = [
    ".text",
    ...names.map((_, i) => `.quad piece${i}`),
    ...names.flatMap((name, i) => [`.balign 64, 0xf4`, ".code64", `piece${i}:`, pieces[name]!]),
    "",
  ].join("\n");
  const folder = Deno.makeTempDirSync({ prefix: "splitx-as-" });
  try {
    const input = join(folder, "pieces.s"), output = join(folder, "pieces.bin");
    Deno.writeTextFileSync(input, source);
    const link = `-Wl,--oformat=binary,--build-id=none,-e,0,-Ttext=0x${base.toString(16)}`;
    await compile(["-nostdlib", "-static", link, "-o", output, input], folder);
    const bytes = Deno.readFileSync(output);
    const view = new DataView(bytes.buffer);
    const at = names.map((name, i) =>
      [name, Number(view.getBigUint64(i * ENTRY_BYTES, true))] as const
    );
    return { bytes, at: new Map(at) };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
