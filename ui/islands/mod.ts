/** Islands by name, each loaded when a page has it. */
export const ISLANDS = {
  ConnectionStatus: async () => (await import("./ConnectionStatus.tsx")).ConnectionStatus,
  AdaptiveRoles: async () => (await import("./AdaptiveRoles.tsx")).AdaptiveRoles,
  PlanTrial: async () => (await import("./PlanTrial.tsx")).PlanTrial,
  CoreMap: async () => (await import("./CoreMap.tsx")).CoreMap,
  GuestCards: async () => (await import("./GuestCards.tsx")).GuestCards,
  Comparison: async () => (await import("./Comparison.tsx")).Comparison,
  FigureFiles: async () => (await import("./FigureFiles.tsx")).FigureFiles,
  Experiments: async () => (await import("./Experiments.tsx")).Experiments,
} as const;
