import { expect, it } from "vitest";
import { LabelSpace } from "../src/map/label-space.js";

const at = (x: number, y: number) => ({ x, y, width: 40, height: 10 });

it("has no place where the drawing's edge or the view's would cut, and places on both sides of the view's", () => {
  const space = new LabelSpace(1000, 800, 100, 80);
  for (const cut of [
    at(-1, 300),
    at(961, 300),
    at(300, -1),
    at(300, 791),
    at(80, 300),
    at(880, 300),
    at(300, 75),
    at(300, 715),
  ])
    expect(space.isFree(cut), JSON.stringify(cut)).toBe(false);
  for (const whole of [at(100, 80), at(860, 710), at(60, 300), at(900, 300), at(300, 70), at(300, 720)])
    expect(space.isFree(whole), JSON.stringify(whole)).toBe(true);
});

it("gives each place once", () => {
  const space = new LabelSpace(1000, 800);
  expect(space.place([at(100, 100)])).toEqual(at(100, 100));
  expect(space.place([at(139, 105), at(140, 100)])).toEqual(at(140, 100));
  expect(space.place([at(120, 95)])).toBeUndefined();
});
