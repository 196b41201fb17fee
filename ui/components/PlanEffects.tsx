/** What a plan brings with it, the disadvantages first. */
export interface PlanEffectsProps {
  readonly effects: readonly { readonly good: boolean; readonly text: string }[];
}

export function PlanEffects({ effects }: PlanEffectsProps) {
  return (
    <ul class="effects" aria-label="Effects">
      {effects.map(({ good, text }) => (
        <li key={text} data-good={good ? "yes" : "no"}>
          <b aria-hidden="true">{good ? "+" : "−"}</b>
          <span>
            <span class="visually-hidden">{good ? "for it: " : "against it: "}</span>
            {text}
          </span>
        </li>
      ))}
    </ul>
  );
}
