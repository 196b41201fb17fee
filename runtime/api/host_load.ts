/** How busy the host's kernel says each core is; Linux, proc(5), /proc/stat. */

/** USER_HZ ticks of one core since boot. */
interface CoreTicks {
  readonly busy: number;
  readonly idle: number;
}

/** `idle` and `iowait` among the ten columns; `guest` and `guest_nice` are in `user` and `nice`. */
const IDLE = 3, IOWAIT = 4, GUEST = 8;

/**
 * Takes /proc/stat apart.
 *
 * @returns ticks by CPU
 */
export function parseProcStat(text: string): Map<number, CoreTicks> {
  const cores = new Map<number, CoreTicks>();
  for (const [, cpu, columns] of text.matchAll(/^cpu(\d+) (.*)$/gm)) {
    const ticks = columns!.trim().split(/\s+/).slice(0, GUEST).map(Number);
    const idle = (ticks[IDLE] ?? 0) + (ticks[IOWAIT] ?? 0);
    cores.set(Number(cpu), { busy: ticks.reduce((sum, one) => sum + one, 0) - idle, idle });
  }
  return cores;
}

/** Shares of the time between two looks. */
export class HostLoad {
  #before: Map<number, CoreTicks> = new Map();

  /** Busy shares by CPU since the last call; since boot at the first. */
  read(): Map<number, number> {
    let now: Map<number, CoreTicks>;
    try {
      now = parseProcStat(Deno.readTextFileSync("/proc/stat"));
    } catch {
      return new Map(); // hidden from this process
    }
    const shares = new Map<number, number>();
    for (const [cpu, { busy, idle }] of now) {
      const before = this.#before.get(cpu) ?? { busy: 0, idle: 0 };
      const spent = Math.max(0, busy - before.busy), rested = Math.max(0, idle - before.idle);
      shares.set(cpu, spent + rested > 0 ? spent / (spent + rested) : 0);
    }
    this.#before = now;
    return shares;
  }
}
