import type { ContainerStatus } from "@landfall/proto/api";
import { STATUS_LOOK } from "../status.js";
import type { Frame } from "./frame.js";

/** Side of the box that the shapes are drawn in. */
export const SHAPE_PX = 12;

const paths = new Map<ContainerStatus, Path2D>();

/** A container's state at the context's origin, top left; stands out from any ground. */
export function drawStatus(frame: Frame, status: ContainerStatus): void {
  const { ctx, palette } = frame;
  const look = STATUS_LOOK[status];
  const path = paths.get(status) ?? new Path2D(look.path);
  paths.set(status, path);
  const colour = palette.statuses[status];
  ctx.lineJoin = "round";
  ctx.lineWidth = status === "lost" ? 6 : 3.5;
  ctx.strokeStyle = palette.halo;
  ctx.stroke(path);
  if (look.hollow) {
    ctx.fillStyle = palette.paper;
    ctx.fill(path);
    ctx.lineWidth = 2;
    ctx.strokeStyle = colour;
    ctx.stroke(path);
    return;
  }
  ctx.fillStyle = colour;
  ctx.fill(path);
  ctx.lineWidth = status === "lost" ? 2.5 : 0.8;
  ctx.strokeStyle = status === "lost" ? palette.lineDown : palette.ink;
  ctx.stroke(path);
}
