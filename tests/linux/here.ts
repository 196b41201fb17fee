/** An unmodified Linux on the engine that this host has: how its tests run one. */
import { dirname } from "node:path";
import { linuxConfig, type LinuxOptions } from "../../runtime/linux_guest.ts";
import type { VmConfigInput } from "../../runtime/config.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { command, finish, type Finished, TempFile } from "../support.ts";

/** Runs a shell's commands in the project's folder; `deno` is the one that runs this. */
export function shell(commands: string, ...words: string[]) {
  const PATH = `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`;
  return command("sh", ["-c", commands, "sh", ...words], { PATH });
}

/** Boots a Linux that runs a script, and waits for its end; lines end as here. */
export async function runLinux(
  runtime: Runtime,
  script: string,
  more: Partial<VmConfigInput> = {},
  options: LinuxOptions = {},
): Promise<Finished> {
  using file = new TempFile(script);
  const config = await linuxConfig({ script: file.path, ...options }, () => {});
  await using vm = runtime.createVm({ ...config, ...more });
  const finished = await finish(vm);
  return { ...finished, output: finished.output.replaceAll("\r", "") };
}
