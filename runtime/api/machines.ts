/** The machines of a runtime as the API makes, finds and shows them. */
import type { SettledConfig } from "../engine_config.ts";
import { fixedNotification } from "../knobs.ts";
import { linuxConfig } from "../linux_guest.ts";
import type { VmConfigInput } from "../config.ts";
import type { Runtime } from "../runtime.ts";
import type { Vm, VmEnd } from "../vm.ts";
import { reasonName } from "../exit_reasons.ts";
import type { ConsoleHubs } from "./console_hub.ts";
import type { ImageFolders } from "./image_folders.ts";
import { Problem } from "./problem.ts";
import type { VmResource } from "./schemas.ts";

/** Machines at a time, those included that have ended and were not deleted. */
const MOST_MACHINES = 64;

/** What a request makes a machine of. */
export type VmRequest = VmConfigInput & { readonly initrd?: string | undefined };

/** See the head of this file. */
export class Machines {
  readonly #runtime: Runtime;
  readonly #consoles: ConsoleHubs;
  readonly #images: ImageFolders;
  readonly #progress: (line: string) => void;
  /** The last step of each machine's life that was asked for. */
  readonly #steps = new WeakMap<Vm, Promise<unknown>>();

  constructor(
    runtime: Runtime,
    consoles: ConsoleHubs,
    images: ImageFolders,
    progress: (line: string) => void,
  ) {
    this.#runtime = runtime;
    this.#consoles = consoles;
    this.#images = images;
    this.#progress = progress;
  }

  /** All of them. */
  list(): readonly Vm[] {
    return this.#runtime.vms;
  }

  /**
   * One of them.
   *
   * @throws Problem `no-such-vm`
   */
  get(id: number): Vm {
    const vm = this.#runtime.vms.find((vm) => vm.id === id);
    if (!vm) throw new Problem(404, "no-such-vm", `there is no machine ${id}`);
    return vm;
  }

  /**
   * Makes a machine, whose console is read from now on.
   *
   * @throws Problem or SplitXError what is in the way
   */
  async create(request: VmRequest): Promise<Vm> {
    if (this.#runtime.vms.length >= MOST_MACHINES) {
      throw new Problem(409, "too-many-machines", `${MOST_MACHINES} machines are there already`);
    }
    const allowed = this.#withAllowedFiles(request);
    const vm = this.#runtime.createVm(await this.#withGuest(allowed));
    this.#consoles.of(vm);
    return vm;
  }

  /** Takes a step of a machine's life after the one that was asked for before. */
  inTurn(vm: Vm, step: () => void | Promise<void>): Promise<void> {
    const taken = (this.#steps.get(vm) ?? Promise.resolve()).then(step);
    this.#steps.set(vm, taken.catch(() => {}));
    return taken;
  }

  /** A machine as a response shows it. */
  show(vm: Vm): VmResource {
    const { id, state, plan, end } = vm;
    const { housekeeping, hypervisor, sidecore, guest } = plan;
    return {
      id,
      name: vm.config.name,
      state,
      config: shownConfig(vm.config),
      plan: { housekeeping, hypervisor, sidecore, guest },
      ...(end ? { end: shownEnd(end) } : {}),
      knobs: end || fixedNotification(vm.config) !== undefined ? [] : ["notification"],
      watchers: this.#consoles.watchersOf(vm),
    };
  }

  async #withGuest(request: VmRequest): Promise<VmConfigInput> {
    if (request.guest !== "linux") return request as VmConfigInput;
    const { guest: _, cmdline, ...given } = request;
    const linux = await linuxConfig(cmdline === undefined ? {} : { cmdline }, this.#progress);
    return { ...linux, ...given } as VmConfigInput;
  }

  /** The same with every file of the host's as its real path. */
  #withAllowedFiles(request: VmRequest): VmRequest {
    const { guest, initrd, disk, disks, ports, cpuid } = request;
    const images = this.#images;
    return {
      ...request,
      guest: isBundled(this.#runtime, guest) ? guest : images.file(guest),
      ...(initrd === undefined ? {} : { initrd: images.file(initrd) }),
      ...(disk === undefined ? {} : { disk: images.file(disk) }),
      ...(disks ? { disks: disks.map((one) => ({ ...one, file: images.file(one.file) })) } : {}),
      ...(ports
        ? { ports: ports.map((one) => ({ ...one, socket: images.place(one.socket) })) }
        : {}),
      ...(typeof cpuid === "string" && cpuid !== "dedicated" ? { cpuid: images.file(cpuid) } : {}),
    };
  }
}

function isBundled(runtime: Runtime, guest: string): boolean {
  return guest === "linux" || runtime.guestNames.includes(guest);
}

function shownConfig(config: SettledConfig): VmResource["config"] {
  const { name, guest, engine, machine, irqchip, placement, notification, clock } = config;
  const { vcpus, memory, cmdline, network, disk, disks } = config;
  return {
    ...{ name, guest, engine, machine, irqchip, placement, notification, clock },
    ...{ vcpus, memory, cmdline, console: config.console },
    ...(network === undefined ? {} : { network }),
    disks: [...(disk === undefined ? [] : [disk]), ...disks.map(({ file }) => file)],
  };
}

function shownEnd({ state, code, reason, lastExit }: VmEnd): NonNullable<VmResource["end"]> {
  return {
    state,
    ...(code === undefined ? {} : { code }),
    ...(reason === undefined ? {} : { reason }),
    ...(lastExit === undefined ? {} : {
      lastExit: {
        reason: reasonName(lastExit.reason),
        address: `0x${lastExit.address.toString(16)}`,
        rip: `0x${lastExit.rip.toString(16)}`,
        detail: lastExit.detail,
      },
    }),
  };
}
