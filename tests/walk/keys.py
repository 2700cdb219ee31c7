"""Somebody with a keyboard and no mouse: what has the focus is seen, and nothing holds it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect

#: More stops than any page has: who does not arrive by then is held somewhere.
MOST = 250
#: The focused element in words if nobody can see that it, or its label, has the focus; else "".
UNSEEN = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return '';
  const seen = (each) => {
    const box = each.getBoundingClientRect(), style = getComputedStyle(each);
    return box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth
      && box.width > 1 && box.height > 1 && style.visibility === 'visible' && style.opacity !== '0'
      && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
  };
  return [e, ...(e.labels ?? [])].some(seen) ? '' : e.outerHTML.slice(0, 200);
}"""


class Keys:
    """Hands on the keyboard before a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def reach(self, wanted: Locator, key: str = "Tab") -> None:
        """Press Tab until it has the focus, seeing the focus at every stop."""
        expect(wanted).to_be_visible()
        target = wanted.element_handle()
        for _stop in range(MOST):
            self.page.keyboard.press(key)
            unseen = self.page.evaluate(UNSEEN)
            assert not unseen, f"nobody sees the focus on {unseen}"
            if target.evaluate("e => e === document.activeElement"):
                return
        raise AssertionError(f"{wanted} was not reached")

    def press(self, name: str, role: Any = "button", *, exact: bool = True, nth: int = 0) -> None:
        """Go to a button or link and press Enter."""
        self.reach(self.page.get_by_role("main").get_by_role(role, name=name, exact=exact).nth(nth))
        self.page.keyboard.press("Enter")

    def write(self, wanted: Locator, text: str) -> None:
        """Go to a field and write into it, over what stands there."""
        self.reach(wanted)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)
        expect(wanted).to_have_value(text)

    def choose(self, wanted: Locator, text: str) -> None:
        """Go to a list and choose by the arrow keys."""
        self.reach(wanted)
        chosen = "e => e.selectedOptions[0].textContent.trim()"
        self.page.keyboard.press("Home")
        for _option in range(60):
            if wanted.evaluate(chosen) == text:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{text} is not in the list")

    def tick(self, wanted: Locator) -> None:
        """Go to a box and tick it; of radio buttons by the arrow keys, where one is ticked."""
        if wanted.get_attribute("type") == "radio":
            group = self.page.locator(f"input[name='{wanted.get_attribute('name')}']")
            checked = group.and_(self.page.locator(":checked"))
            self.reach(checked if checked.count() else group.first)
            self.page.keyboard.press("Space")
            for _option in range(group.count()):
                if wanted.is_checked():
                    return
                self.page.keyboard.press("ArrowDown")
        else:
            self.reach(wanted)
            self.page.keyboard.press("Space")
        expect(wanted).to_be_checked()
