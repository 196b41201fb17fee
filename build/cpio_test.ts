import { deepStrictEqual, strictEqual } from "node:assert";
import { cpioArchive } from "./cpio.ts";

interface Member {
  name: string;
  mode: string;
  text: string;
}

/** Reads archives as the format describes them, those that stand one behind the other too. */
function members(archive: Uint8Array): Member[] {
  const decoder = new TextDecoder();
  const found: Member[] = [];
  for (let at = 0; at < archive.length;) {
    const header = decoder.decode(archive.subarray(at, at + 110));
    strictEqual(header.slice(0, 6), "070701");
    const field = (i: number) => parseInt(header.slice(6 + i * 8, 14 + i * 8), 16);
    const name = at + 110, size = field(6), data = name + field(11) + 3 & ~3;
    strictEqual(archive[name + field(11) - 1], 0);
    found.push({
      name: decoder.decode(archive.subarray(name, name + field(11) - 1)),
      mode: field(1).toString(8),
      text: decoder.decode(archive.subarray(data, data + size)),
    });
    at = data + size + 3 & ~3;
  }
  return found;
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("cpioArchive() holds files, links and folders, each folder once and before its files", () => {
  const archive = cpioArchive([
    { path: "init", bytes: bytes("#!"), executable: true },
    { path: "usr/bin/busybox", bytes: bytes("12345") },
    { path: "usr/bin/sh", target: "busybox" },
    { path: "usr" },
    { path: "proc" },
  ]);
  deepStrictEqual(members(archive), [
    { name: "init", mode: "100755", text: "#!" },
    { name: "usr", mode: "40755", text: "" },
    { name: "usr/bin", mode: "40755", text: "" },
    { name: "usr/bin/busybox", mode: "100644", text: "12345" },
    { name: "usr/bin/sh", mode: "120777", text: "busybox" },
    { name: "proc", mode: "40755", text: "" },
    { name: "TRAILER!!!", mode: "0", text: "" },
  ]);
});

Deno.test("cpioArchive() makes archives of any contents that may follow one another", () => {
  for (let size = 0; size < 9; size++) {
    const text = "x".repeat(size);
    const one = cpioArchive([{ path: "n".repeat(size + 1), bytes: bytes(text) }]);
    strictEqual(one.length % 4, 0);
    const both = new Uint8Array([...one, ...cpioArchive([{ path: "second", bytes: bytes("2") }])]);
    const files = members(both).filter((member) => member.mode === "100644");
    deepStrictEqual(files.map((file) => file.text), [text, "2"]);
  }
});
