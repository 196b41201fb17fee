/**
 * Run in a network namespace of its own: two machines, each on a TAP interface, which the host joins
 * by a bridge. Prints what each said, as JSON.
 */
import { Runtime } from "../../runtime/runtime.ts";
import { command, finish } from "../support.ts";

/** Runs one of iproute2's commands. */
async function ip(...words: string[]): Promise<void> {
  const { code, stderr } = await command("ip", words);
  if (code !== 0) throw new Error(`ip ${words.join(" ")}: ${stderr}`);
}

const [passive, active] = Deno.args as [string, string];
await using runtime = await Runtime.open();
await ip("link", "add", "sxbridge", "type", "bridge");
await ip("link", "set", "sxbridge", "up");
const machine = async (tap: string, cmdline: string) => {
  const vm = runtime.createVm({
    guest: "net",
    network: `tap:${tap}`,
    mac: `02:00:00:00:00:0${tap.at(-1)}`,
    cmdline,
    overcommit: true,
  });
  await ip("link", "set", tap, "master", "sxbridge", "up");
  return vm;
};
await using one = await machine("sxtap1", passive);
await using other = await machine("sxtap2", active);
const [first, second] = await Promise.all([finish(one), finish(other)]);
console.log(JSON.stringify({ passive: first, active: second }));
