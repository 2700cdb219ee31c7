"""What may go wrong with a declaration."""

from __future__ import annotations

from zhixin.errors import Conflict, Invalid, NotAllowed


class AlreadyDeclared(Conflict):
    code = "already-declared"
    title = "您已经申报过同一活动（同类、同日期、同名称），不能重复申报"


class OwnDeclaration(NotAllowed):
    code = "own-declaration"
    title = "不能处理自己的申报，请由其他经办人处理"


class SecondPerson(NotAllowed):
    code = "second-person"
    title = "您已代表单位表态，主管部门的决定须由另一人作出"


class ProofRefused(Invalid):
    """A file that is not taken as proof; nothing of it was kept."""

    code = "proof-refused"
    title = "证明材料无法接受"
