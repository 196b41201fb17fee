/** A form that says which two runs to compare; it needs no script. */
import { moment } from "./format.ts";
import { byExperiment, type ListedRun, type RunChoice } from "./run_choice.ts";

export interface RunPickerProps {
  /** Of experiments, newest first. */
  readonly runs: readonly ListedRun[];
  readonly chosen: RunChoice | undefined;
}

export function RunPicker({ runs, chosen }: RunPickerProps) {
  const pick = (name: keyof RunChoice, label: string) => (
    <label class="field">
      {label}
      <select name={name}>
        {chosen && !runs.some(({ id }) => id === chosen[name]) && (
          <option value={chosen[name]} selected>run {chosen[name]}</option>
        )}
        {byExperiment(runs).map(([experiment, own]) => (
          <optgroup key={experiment} label={experiment}>
            {own.map(({ id, at }) => (
              <option key={id} value={id} selected={id === chosen?.[name]}>
                {experiment}, run {id}, {moment(at)}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
    </label>
  );
  return (
    <form class="card" action="/runs/compare" autocomplete="off">
      <div class="side-by-side">
        {pick("a", "from")}
        {pick("b", "to")}
      </div>
      <div class="actions">
        <button type="submit" class="primary">Compare</button>
      </div>
    </form>
  );
}
