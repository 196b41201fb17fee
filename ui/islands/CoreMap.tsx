/** Every host core, what runs on it and how busy it is; roles are dragged, or picked and put down. */
import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { createClient, type Schemas } from "../../runtime/api/client.ts";
import { percent, time } from "../components/format.ts";
import { PlanEffects, type PlanEffectsProps } from "../components/PlanEffects.tsx";
import { coreGrid, type HostCore } from "./core_grid.ts";
import { connection, machineStates, snapshot, watchRuntime } from "./live.ts";
import { type MovableRole, type Plan, planAfter, planChanges } from "./plan_edit.ts";
import { rolesByCore, triedPlan, type TriedRole } from "./tried_plan.ts";

const LETTERS = { guest: "G", hypervisor: "H", sidecore: "S", housekeeping: "K" } as const;
const NOTHING = { busy: 0, spin: 0, idle: 1, roles: [] } as const;
/** With more cores than this the map shows letters only. */
const MOST_ROOMY = 32;

type Activity = Schemas["CoreActivity"];
type Vm = Schemas["Vm"];

/** A plan that was proposed, with what the runtime says of it. */
interface Proposal {
  readonly vm: Vm;
  readonly plan: Plan;
  readonly changes: readonly string[];
  readonly effects: PlanEffectsProps["effects"];
  /** Why it cannot be. */
  readonly refused?: string;
}

export interface CoreMapProps {
  readonly cores: readonly HostCore[];
}

const api = createClient();
const picked = signal<MovableRole | undefined>(undefined);

export function CoreMap({ cores }: CoreMapProps) {
  const vms = useSignal<readonly Vm[]>([]);
  const proposal = useSignal<Proposal | undefined>(undefined);
  const undo = useSignal<{ vm: Vm; plan: Plan } | undefined>(undefined);
  const notice = useSignal("");
  useEffect(watchRuntime, []);
  const states = machineStates.value, live = connection.value === "live";
  const readVms = async () => {
    const { data } = await api.GET("/api/vms");
    if (data) vms.value = data;
  };
  // A runtime that comes back is another one.
  useEffect(() => void (live && readVms()), [states, live]);

  const propose = async (role: MovableRole, to: number) => {
    picked.value = undefined;
    const vm = vms.value.find((one) => one.id === role.vm);
    if (!vm || role.cpu === to) return;
    const plan = planAfter(vm.plan, role, to), params = { path: { id: vm.id } };
    const { data } = await api.POST("/api/vms/{id}/plan/preview", { params, body: plan });
    proposal.value = {
      vm,
      plan,
      changes: planChanges(vm.plan, plan),
      effects: data?.possible ? data.effects : [],
      ...(data?.possible ? {} : { refused: data?.reason ?? "the runtime does not answer" }),
    };
  };
  const apply = async (vm: Vm, plan: Plan, before?: Plan) => {
    const params = { path: { id: vm.id } };
    const { data, error } = await api.PUT("/api/vms/{id}/plan", { params, body: plan });
    proposal.value = undefined;
    undo.value = data && before ? { vm, plan: before } : undefined;
    notice.value = data
      ? `moved: ${
        data.moves.map(({ role, vcpu, to, pauseNs }) =>
          `${vcpu === undefined ? role : `vCPU ${vcpu}`} to core ${to.join(", ")}${
            pauseNs === undefined ? "" : `, paused ${time(pauseNs)}`
          }`
        ).join("; ") || "nothing"
      }`
      : `refused: ${error?.detail ?? "the runtime does not answer"}`;
    await readVms();
  };

  const activity = new Map(snapshot.value?.cores.map((core) => [core.cpu, core]));
  const grid = coreGrid(cores);
  const tried = triedPlan.value ? rolesByCore(triedPlan.value) : undefined;
  return (
    <div class={cores.length > MOST_ROOMY ? "map dense" : "map"}>
      {grid.map((node) => (
        <section class="node" aria-label={`NUMA node ${node.node}`}>
          <h2>NUMA node {node.node}</h2>
          {node.packages.map((one) => (
            <div class="package">
              <p class="quiet">Package {one.package}</p>
              <div class="pairs">
                {one.pairs.map((pair) => (
                  <div class="pair">
                    {pair.map((core) => (
                      <Core
                        core={core}
                        activity={activity.get(core.cpu)}
                        tried={tried?.get(core.cpu) ?? []}
                        vms={vms.value}
                        propose={propose}
                      />
                    ))}
                  </div>
                ))}
              </div>
            </div>
          ))}
        </section>
      ))}
      <p class="quiet">
        G guest · H hypervisor · S sidecore · K housekeeping. Filled: busy, striped: spinning. Drag
        a role to another core, or press it and then “move here”. Dashed: only tried.
      </p>
      <p class="notice" role="status">{notice.value}</p>
      {proposal.value && (
        <div class="card" role="dialog" aria-label="Proposed plan" aria-live="polite">
          <h2>{proposal.value.vm.name}: proposed plan</h2>
          <ul>{proposal.value.changes.map((change) => <li key={change}>{change}</li>)}</ul>
          <PlanEffects effects={proposal.value.effects} />
          {proposal.value.refused && <p class="bad">It cannot be: {proposal.value.refused}</p>}
          <div class="actions">
            <button
              type="button"
              class="primary"
              disabled={proposal.value.refused !== undefined}
              onClick={() => {
                const { vm, plan } = proposal.value!;
                void apply(vm, plan, vm.plan);
              }}
            >
              Apply
            </button>
            <button
              type="button"
              onClick={() =>
                proposal.value = undefined}
            >
              Leave it
            </button>
          </div>
        </div>
      )}
      {undo.value && (
        <div class="actions">
          <button type="button" onClick={() => void apply(undo.value!.vm, undo.value!.plan)}>
            Undo
          </button>
        </div>
      )}
    </div>
  );
}

interface CoreProps {
  readonly core: HostCore;
  readonly activity: Activity | undefined;
  readonly tried: readonly TriedRole[];
  readonly vms: readonly Vm[];
  readonly propose: (role: MovableRole, to: number) => Promise<void>;
}

function Core({ core, activity, tried, vms, propose }: CoreProps) {
  const { busy, spin, roles } = activity ?? NOTHING;
  const role = picked.value;
  const over = useSignal(false);
  const target = role !== undefined && role.cpu !== core.cpu;
  return (
    <div
      class="core"
      data-cpu={core.cpu}
      data-role={roles[0]?.role ?? tried[0]?.role}
      data-tried={tried.length > 0 ? "yes" : undefined}
      data-target={over.value ? "yes" : undefined}
      onDragOver={(event) => {
        if (!picked.value) return;
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => over.value = false}
      onDrop={(event) => {
        event.preventDefault();
        over.value = false;
        if (picked.value) void propose(picked.value, core.cpu);
      }}
    >
      <span class="number">
        <span>
          <span class="word">Core</span> {core.cpu}
        </span>
        <span class="quiet">{core.isolated ? "isolated" : core.online ? "" : "offline"}</span>
      </span>
      {roles.map(({ role, vm, vcpu }) => (
        <Chip
          role={{ role, cpu: core.cpu, vm: vm ?? -1, ...(vcpu === undefined ? {} : { vcpu }) }}
          name={vms.find((one) => one.id === vm)?.name}
        />
      ))}
      {tried.map(({ role, words }) => (
        <span class="chip" data-role={role} data-tried="yes" title={words} key={words}>
          <b>{LETTERS[role]}</b>
          <span>{words}</span>
        </span>
      ))}
      {target && (
        <button type="button" onClick={() => void propose(role, core.cpu)}>
          move here
        </button>
      )}
      <span style={{ flex: 1 }} />
      <span class="share" aria-hidden="true">
        <i class="busy" style={{ width: `${busy * 100}%` }} />
        <i class="spin" style={{ width: `${spin * 100}%` }} />
      </span>
      <span class="share-text">busy {percent(busy)}, spin {percent(spin)}</span>
    </div>
  );
}

function Chip({ role, name }: { role: MovableRole; name: string | undefined }) {
  const words = role.role === "guest" ? `${name ?? role.vm} vCPU ${role.vcpu}` : role.role;
  const movable = role.vm >= 0;
  const isPicked = picked.value?.vm === role.vm && picked.value.cpu === role.cpu &&
    picked.value.role === role.role;
  if (!movable) {
    return (
      <span class="chip" data-role={role.role}>
        <b>{LETTERS[role.role]}</b>
        <span>{words}</span>
      </span>
    );
  }
  return (
    <button
      type="button"
      class="chip"
      data-role={role.role}
      draggable
      aria-pressed={isPicked}
      title={words}
      onDragStart={(event) => {
        picked.value = role;
        event.dataTransfer?.setData("text/plain", words);
      }}
      onDragEnd={() => picked.value = undefined}
      onClick={() => picked.value = isPicked ? undefined : role}
    >
      <b>{LETTERS[role.role]}</b>
      <span>{words}</span>
    </button>
  );
}
