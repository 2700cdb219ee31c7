// The answer to a question on the page: what stands in the controls named q-<question id>.

import { WRITTEN } from "./answering";

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

function controls(question: HTMLElement): Control[] {
  return [...question.querySelectorAll<Control>("[name^='q-']")];
}

const isChoice = (control: Control): control is HTMLInputElement =>
  control instanceof HTMLInputElement && (control.type === "radio" || control.type === "checkbox");

/** Values chosen or written, in the page's order; empty: unanswered. */
export function read(question: HTMLElement): string[] {
  const found = controls(question);
  const chosen = found.filter((control) => !isChoice(control) || control.checked).map((control) => control.value);
  return chosen.some((value) => value !== "") ? chosen : [];
}

export function write(question: HTMLElement, answer: string[]): void {
  let place = 0;
  for (const control of controls(question)) {
    if (isChoice(control)) control.checked = answer.includes(control.value);
    else control.value = answer[place++] ?? "";
    control.dispatchEvent(new Event(WRITTEN));
  }
}

export const same = (a: string[] | undefined, b: string[] | undefined) => JSON.stringify(a ?? []) === JSON.stringify(b ?? []);
