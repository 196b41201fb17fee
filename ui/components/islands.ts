/** Islands as pages put them down. */
import { AdaptiveRoles } from "../islands/AdaptiveRoles.tsx";
import { Comparison } from "../islands/Comparison.tsx";
import { ConnectionStatus } from "../islands/ConnectionStatus.tsx";
import { CoreMap } from "../islands/CoreMap.tsx";
import { Experiments } from "../islands/Experiments.tsx";
import { FigureFiles } from "../islands/FigureFiles.tsx";
import { GuestCards } from "../islands/GuestCards.tsx";
import { PlanTrial } from "../islands/PlanTrial.tsx";
import { island } from "../_server/island.tsx";

export const ConnectionIsland = island("ConnectionStatus", ConnectionStatus);
export const AdaptiveRolesIsland = island("AdaptiveRoles", AdaptiveRoles);
export const PlanTrialIsland = island("PlanTrial", PlanTrial);
export const CoreMapIsland = island("CoreMap", CoreMap);
export const GuestCardsIsland = island("GuestCards", GuestCards);
export const ComparisonIsland = island("Comparison", Comparison);
export const FigureFilesIsland = island("FigureFiles", FigureFiles);
export const ExperimentsIsland = island("Experiments", Experiments);
