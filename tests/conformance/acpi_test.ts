/**
 * ACPICA, whose code Linux interprets tables with, takes ours apart without a word and puts the
 * same bytes together again. It knows no RSDP; the unit tests read that.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { buildAcpi } from "../../runtime/acpi/acpi.ts";
import type { AcpiPlatform } from "../../runtime/acpi/platform.ts";
import { command, iaslTest, TempFile } from "../support.ts";

const GIB = 1024 ** 3;
/** The compiler writes its own name over ours: its id and revision, and so the checksum. */
const CHECKSUM = 9, CREATOR = 28, HEADER_END = 36;

const SMALL: AcpiPlatform = {
  vcpus: 1,
  with8259: true,
  ecam: { address: 0xe0000000, lastBus: 0 },
  ioWindows: [{ first: 0xd00, last: 0xffff }],
  mmio32: { first: 0xc0000000, last: 0xdfffffff },
};
const LARGE: AcpiPlatform = {
  vcpus: 300,
  with8259: true,
  ecam: { address: 0xb0000000, lastBus: 255 },
  ioWindows: [{ first: 0, last: 0xcf7 }, { first: 0xd00, last: 0xffff }],
  mmio32: { first: 0xc0000000, last: 0xfebfffff },
  mmio64: { first: 512 * GIB, last: 1024 * GIB - 1 },
};

/** Tables by signature, without the RSDP. */
function tablesOf(platform: AcpiPlatform): Map<string, Uint8Array<ArrayBuffer>> {
  const { rsdp, blocks } = buildAcpi(platform);
  return new Map(
    blocks.filter(({ address }) => address !== rsdp)
      .map(({ bytes }) => [String.fromCharCode(...bytes.subarray(0, 4)), bytes]),
  );
}

/** Without what the compiler puts in of its own. */
function anonymous(signature: string, bytes: Uint8Array): Uint8Array {
  return signature === "FACS"
    ? bytes
    : bytes.map((byte, i) => i === CHECKSUM || i >= CREATOR && i < HEADER_END ? 0 : byte);
}

/** What iasl makes of a table. */
async function takeApart(bytes: Uint8Array): Promise<{ source: string; again: Uint8Array }> {
  using file = new TempFile(bytes, "table.aml");
  const { folder } = file;
  const apart = await command("iasl", ["-d", file.path]);
  strictEqual(apart.code, 0);
  const words = `${apart.stdout}${apart.stderr}`;
  ok(!/error|warning|invalid/i.test(words), words);
  const together = await command("iasl", ["-p", `${folder}/again`, `${folder}/table.dsl`]);
  match(together.stdout, /0 Errors, 0 Warnings, 0 Remarks/);
  return {
    source: Deno.readTextFileSync(`${folder}/table.dsl`),
    again: Deno.readFileSync(`${folder}/again.aml`),
  };
}

for (const [size, platform] of [["small", SMALL], ["large", LARGE]] as const) {
  iaslTest(`iasl takes every table of a ${size} machine apart and together again`, async () => {
    const tables = tablesOf(platform);
    deepStrictEqual([...tables.keys()].toSorted(), [
      "APIC",
      "DSDT",
      "FACP",
      "FACS",
      "MCFG",
      "XSDT",
    ]);
    for (const [signature, bytes] of tables) {
      const { again } = await takeApart(bytes);
      deepStrictEqual(anonymous(signature, again), anonymous(signature, bytes), signature);
    }
  });
}

/** Numbers of a descriptor in a disassembled table: granularity, ends, translation, length. */
function descriptor(source: string, kind: string): string[] {
  const found = new RegExp(`\\b${kind} \\(([^)]*)\\)`).exec(source)?.[1] ?? "";
  return [...found.matchAll(/0x([0-9A-F]+),? +\/\//g)].map((each) => each[1]!);
}

iaslTest("iasl reads the devices of the DSDT and what belongs to them", async () => {
  const { source } = await takeApart(tablesOf(LARGE).get("DSDT")!);
  deepStrictEqual([...source.matchAll(/EisaId \("(\w+)"\)/g)].map((each) => each[1]), [
    "PNP0A08",
    "PNP0A03",
    "PNP0C02",
    "PNP0501",
    "PNP0B00",
  ]);
  deepStrictEqual(descriptor(source, "WordBusNumber"), ["0000", "0000", "00FF", "0000", "0100"]);
  deepStrictEqual(descriptor(source, "WordIO"), ["0000", "0000", "0CF7", "0000", "0CF8"]);
  deepStrictEqual(descriptor(source, "DWordMemory"), [
    ...["00000000", "C0000000", "FEBFFFFF", "00000000", "3EC00000"],
  ]);
  deepStrictEqual(descriptor(source, "QWordMemory"), [
    ...["0000000000000000", "0000008000000000", "000000FFFFFFFFFF"],
    ...["0000000000000000", "0000008000000000"],
  ]);
  deepStrictEqual(descriptor(source, "Memory32Fixed"), ["B0000000", "10000000"]);
  deepStrictEqual(
    [...source.matchAll(/\bIO \(Decode16,\s+0x(\w+),/g)].map((each) => each[1]),
    ["0CF8", "0600", "03F8", "0070"],
  );
  match(source, /IRQNoFlags \(\)\s*\{4\}/);
  match(source, /Name \(_S5, Package \(0x04\)[^{]*\{\s*0x05,\s*0x05,\s*Zero,\s*Zero\s*\}/);
  strictEqual(source.match(/Package \(0x04\)\s*\{\s*0x\w*FFFF,/g)?.length, 128);
});
