const { execFileSync } = require("node:child_process");
const { readFileSync, readdirSync, writeFileSync } = require("node:fs");
const test = require("node:test");
const assert = require("node:assert");

const GPIO = "/sys/class/gpio";

// What is tested: reads line 4 of the chip with this label, by the legacy class.
function button(label) {
  const chips = readdirSync(GPIO).filter((name) => name.startsWith("gpiochip"));
  const read = (chip, file) => readFileSync(`${GPIO}/${chip}/${file}`, "utf8").trim();
  const chip = chips.find((name) => read(name, "label") === label);
  const number = Number(read(chip, "base")) + 4;
  writeFileSync(`${GPIO}/export`, String(number));
  return () => readFileSync(`${GPIO}/gpio${number}/value`, "utf8").trim() === "1";
}

test("a pressed button reads 1", () => {
  const isPressed = button("bench");
  assert.strictEqual(isPressed(), false);
  execFileSync("ugpio", ["ctl", "pull", "bench", "4", "up"]);
  assert.strictEqual(isPressed(), true);
});
