import { describe, expect, it } from "vitest";
import { containerQuery, parseSearch, shipMatches } from "../src/search.js";

describe("search", () => {
  it.each(["CSQU3054383", "csqu 305438 3", " CSQU-305438-3 ", "CSQU.3054383"])("finds the number in %j", (text) => {
    expect(parseSearch(text)).toEqual({ kind: "container", container: "CSQU3054383" });
  });

  it("says which digit would be right", () => {
    const search = parseSearch("CSQU 305438 4");
    expect(search).toMatchObject({ kind: "wrong-check-digit", text: "CSQU3054384", want: "CSQU3054383" });
    expect(search.kind === "wrong-check-digit" && search.message).toContain("CSQU 305438 3");
  });

  it("takes anything else for a part", () => {
    expect(parseSearch("csqu 30")).toEqual({ kind: "part", text: "csqu 30" });
    expect(containerQuery("csqu 30")).toBe("CSQU30");
    expect(parseSearch("   ")).toEqual({ kind: "empty" });
    expect(parseSearch("x".repeat(500))).toEqual({ kind: "part", text: "x".repeat(40) });
  });

  it("finds ships by name and by IMO number", () => {
    const ship = { imo: "9321483", name: "Big Blue Hyacinth" };
    expect(shipMatches("hyac", ship)).toBe(true);
    expect(shipMatches("IMO 9321", ship)).toBe(true);
    expect(shipMatches("iris", ship)).toBe(false);
  });
});
