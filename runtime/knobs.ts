/** What of a machine's configuration can be changed while it runs. */
import { runError } from "../errors.ts";
import type { SettledConfig } from "./engine_config.ts";

/** Why the notification of a machine is fixed; undefined when it can be switched at any time. */
export function fixedNotification(
  { clock, placement, machine }: Pick<SettledConfig, "clock" | "placement" | "machine">,
): string | undefined {
  if (clock === "virtual") {
    return "on a virtual clock the notification is fixed: the run would not be the same again";
  }
  if (placement === "same-core" && machine === "pc") {
    return "device queues of a same-core machine are served within the notification: nobody polls";
  }
  return undefined;
}

/**
 * Refuses to switch a notification that is fixed.
 *
 * @throws SplitXError `knob-fixed` with the reason
 */
export function checkNotificationSwitch(config: SettledConfig): void {
  const reason = fixedNotification(config);
  if (reason !== undefined) throw runError("knob-fixed", reason);
}
