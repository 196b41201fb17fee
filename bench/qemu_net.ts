/** The micro guest `net` on two unmodified QEMUs that share a network. */
import { PCI_MACHINES, type QemuRun, runOnQemu } from "./qemu.ts";

/** Options of one end; each end has a socket of its own and sends to the other's. */
function network(folder: string, own: number, other: number): string[] {
  const end = (side: string, n: number) => `${side}.type=unix,${side}.path=${folder}/net${n}`;
  return [
    ...PCI_MACHINES.q35,
    ...["-netdev", `dgram,id=n0,${end("local", own)},${end("remote", other)}`],
    "-device",
    `virtio-net-pci,netdev=n0,disable-legacy=on,mac=52:54:00:00:00:0${own}`,
  ];
}

/** Both ends' runs. */
export interface QemuPairRun {
  readonly passive: QemuRun;
  readonly active: QemuRun;
}

/**
 * Runs the image twice at the same time, joined by datagrams.
 *
 * @param image path of the `net` image
 * @param passive command line of a server or a sink
 * @param active command line of a client or a source
 */
export async function netOnQemu(
  accelerator: "kvm" | "tcg",
  image: string,
  passive: string,
  active: string,
): Promise<QemuPairRun> {
  const folder = await Deno.makeTempDir({ prefix: "splitx-net-" });
  try {
    const [one, other] = await Promise.all([
      runOnQemu(accelerator, image, passive, network(folder, 1, 2)),
      runOnQemu(accelerator, image, active, network(folder, 2, 1)),
    ]);
    return { passive: one, active: other };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
