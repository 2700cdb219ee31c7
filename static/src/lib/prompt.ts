import { type Answered, type Prompt } from "./lease";
import { Problem } from "./problem";

/**
 * The presence prompt below the video: a question and buttons, by mouse, touch, keyboard or
 * screen reader alike. Its time runs out visibly but silently: only that it came, that it ran
 * out and what became of a choice is read aloud.
 *
 *   <section data-prompt hidden role="alertdialog" tabindex="-1" …>
 *     <p data-prompt-text> <div data-prompt-options> <p data-prompt-left> <p data-prompt-note role="status">
 */
export class PromptBox {
  #prompt: Prompt | null = null;
  #deadline = 0;
  #lapsed = false;
  #waiting = false;

  constructor(
    readonly root: HTMLElement,
    readonly word: (key: string, values?: Record<string, string | number>) => string,
    readonly answer: (prompt: string, choice: number) => Promise<Answered>,
    readonly onLapsed: () => void,
    readonly onAnswered: () => void,
  ) {
    setInterval(() => this.#tick(), 500);
  }

  /** The counting stands still until this is answered. */
  get lapsed(): boolean {
    return this.#prompt !== null && this.#lapsed;
  }

  /** What the server says waits; null: nothing (any more). */
  show(prompt: Prompt | null): void {
    if (!prompt) {
      if (this.#prompt) this.#close();
      return;
    }
    this.#deadline = performance.now() + prompt.seconds_left * 1000;
    if (this.#prompt?.id === prompt.id && this.#prompt.tries === prompt.tries) return;
    const isNew = this.#prompt?.id !== prompt.id;
    this.#prompt = prompt;
    this.#fill(prompt);
    if (!isNew) return;
    this.#lapsed = false;
    this.#note("");
    this.root.hidden = false;
    this.focus();
    this.#tick();
  }

  focus(): void {
    this.root.focus({ preventScroll: true });
    this.root.scrollIntoView({ block: "nearest" });
  }

  #fill(prompt: Prompt): void {
    this.#at("text").textContent = prompt.text;
    const buttons = prompt.options.map((option, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button prompt__option";
      button.textContent = option;
      button.addEventListener("click", () => void this.#choose(prompt, index));
      return button;
    });
    this.#at("options").replaceChildren(...buttons);
  }

  async #choose(prompt: Prompt, index: number): Promise<void> {
    if (this.#waiting) return;
    this.#busy(true);
    try {
      const answered = await this.answer(prompt.id, index);
      if (answered.right) {
        this.#busy(false);
        this.#close();
        this.onAnswered();
        return;
      }
      this.#note(this.word("prompt_wrong", { seconds: Math.ceil(answered.wait_s) }));
      await pause(answered.wait_s);
      if (answered.prompt && this.#prompt?.id === prompt.id) {
        this.#prompt = answered.prompt;
        this.#fill(answered.prompt);
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#note(error.status === 0 ? this.word("prompt_unreachable") : error.message);
      if (error.status === 429) await pause(3);
    }
    this.#busy(false);
    this.#at("options").querySelector("button")?.focus();
  }

  #busy(waiting: boolean): void {
    this.#waiting = waiting;
    for (const button of this.#at("options").querySelectorAll("button"))
      button.setAttribute("aria-disabled", String(waiting));
  }

  #tick(): void {
    if (!this.#prompt) return;
    const left = Math.max(0, Math.ceil((this.#deadline - performance.now()) / 1000));
    this.#at("left").textContent = left ? this.word("prompt_left", { seconds: left }) : "";
    if (left > 0 || this.#lapsed) return;
    this.#lapsed = true;
    this.#note(this.word("prompt_lapsed"));
    this.onLapsed();
  }

  #close(): void {
    this.#prompt = null;
    this.root.hidden = true;
  }

  #note(text: string): void {
    const note = this.#at("note");
    if (note.textContent !== text) note.textContent = text;
  }

  #at(name: string): HTMLElement {
    return this.root.querySelector<HTMLElement>(`[data-prompt-${name}]`)!;
  }
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
