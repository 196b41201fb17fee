/** How the micro guests find and place PCI devices, on QEMU's buses. */
import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { MICROVM, PCI_MACHINES, runOnQemu } from "../../bench/qemu.ts";
import { buildGuests } from "../../build/guests.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { engineTest, QEMU_ACCELERATORS, qemuTest, runVm, TempFile } from "../support.ts";

async function image(): Promise<string> {
  return `${await buildGuests(() => {})}/devices.elf`;
}

/** Two functions of one device, and one device with 32 MiB of memory. */
const DEVICES = [
  ...["-device", "virtio-rng-pci,disable-legacy=on,addr=5.0,multifunction=on"],
  ...["-device", "virtio-net-pci,disable-legacy=on,addr=5.3"],
  ...["-object", "memory-backend-ram,id=m0,size=32M,share=on"],
  ...["-device", "ivshmem-plain,memdev=m0,addr=7"],
];

/** The lines of the devices that were put there, without those that the board has. */
function added(output: string): string[] {
  return output.split(/^(?=function)/m).filter((one) => /^function 0[57]/.test(one));
}

for (const accelerator of QEMU_ACCELERATORS) {
  for (const [machine, options] of Object.entries(PCI_MACHINES)) {
    qemuTest(
      `PCI devices are found and placed on QEMU's ${machine} with ${accelerator}`,
      async () => {
        const { output } = await runOnQemu(accelerator, await image(), "", [
          ...options,
          ...DEVICES,
        ]);
        deepStrictEqual(added(output), [
          "function 05.0 1af4:1044\n  bar 1 0xc0000000\n  bar 4 0xc0004000\n  msix 2 routed\n",
          "function 05.3 1af4:1041\n  bar 1 0xc0008000\n  bar 4 0xc000c000\n  msix 4 routed\n",
          "function 07.0 1af4:1110\n  bar 0 0xc0010000\n  bar 2 0xc2000000\n",
        ]);
      },
    );
  }
}

qemuTest("memory that the firmware placed stays where it is", async () => {
  const { output } = await runOnQemu("tcg", await image(), "", ["-M", "pc", ...DEVICES]);
  const places = [...added(output).join("").matchAll(/bar \d 0x([0-9a-f]+)/g)];
  strictEqual(places.length, 6);
  for (const [line, place] of places) ok(parseInt(place!, 16) >= 0xe0000000, line);
});

qemuTest("a machine without PCI says so on QEMU", async () => {
  const { output, code } = await runOnQemu("tcg", await image(), "", MICROVM);
  strictEqual(output, "no PCI bus\n");
  strictEqual(code, 3);
});

engineTest("PCI devices are found and placed here", async () => {
  await using runtime = await Runtime.open();
  using disk = new TempFile(new Uint8Array(4096));
  const { output, end, stats } = await runVm(runtime, { guest: "devices", disk: disk.path });
  strictEqual(
    output,
    "function 00.0 1b36:0008\nfunction 01.0 1af4:1042\n" +
      "  bar 0 0xc0000000\n  bar 1 0xc0004000\n  msix 2 routed\n",
  );
  deepStrictEqual(end, { state: "stopped", code: 0 });
  strictEqual(stats.unmappedMemory + stats.wildPorts, 0);
});
