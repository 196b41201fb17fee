/** The reset control register keeps of every byte what QEMU's keeps; those that reset are left out. */
import { deepStrictEqual } from "node:assert";
import { ResetControl } from "../../runtime/devices/reset_control.ts";
import { TestPower } from "../../runtime/devices/test_doubles.ts";
import { qemuTest } from "../support.ts";
import { Qtest, readPort, writePort } from "./qtest.ts";

const PORT = 0xcf9, NO_IRQ = -1, RESET = 4;

qemuTest("the reset control register reads back as QEMU's does", async () => {
  await using qtest = await Qtest.start(NO_IRQ, []);
  const values = [...Array(256).keys()].filter((value) => (value & RESET) === 0);
  const answers = await qtest.run(
    values.flatMap((value) => [writePort(PORT, value), readPort(PORT)]),
  );
  const device = new ResetControl(new TestPower());
  const ours = values.map((value) => {
    device.write(0, 1, value);
    return device.read(0, 1);
  });
  deepStrictEqual(ours, answers.filter((_, i) => i % 2 === 1).map(({ value }) => value));
});
