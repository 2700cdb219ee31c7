"""What may go wrong in the domain, said in the words of the person who reads it.

A ``DomainError`` is raised by domain code and rendered at the edge: as a page, as an
RFC 9457 problem document under ``/api``, or as one line by the command line.
"""

from __future__ import annotations

from typing import Any


class DomainError(Exception):
    """A refusal with a reason.

    Attributes:
        status: the HTTP status that says it best.
        code: a stable kebab-case slug; the last part of the problem's ``type``.
        title: a short Chinese summary, the same for all errors of the class.
        message: what is wrong here and what to do about it.
        facts: values that a client may use (never secrets or personal data).
    """

    status = 400
    code = "bad-request"
    title = "请求有误"

    def __init__(self, message: str | None = None, /, *, code: str | None = None, **facts: Any):
        self.message = message or self.title
        self.facts = facts
        if code is not None:
            self.code = code
        super().__init__(self.message)


class NotFound(DomainError):
    """There is no such thing, or not for this person: both answer alike."""

    status = 404
    code = "not-found"
    title = "没有找到您要的内容"


class NotAllowed(DomainError):
    """The person is known but may not do this."""

    status = 403
    code = "not-allowed"
    title = "您没有进行此操作的权限"


class Conflict(DomainError):
    """The thing has moved on since the person last looked."""

    status = 409
    code = "conflict"
    title = "内容已发生变化，请刷新后重试"


class Invalid(DomainError):
    """What was sent cannot be accepted as it is."""

    status = 422
    code = "invalid"
    title = "提交的内容有误"


class TooManyRequests(DomainError):
    """Asked too often; ``facts['retry_after_s']`` says when to come back."""

    status = 429
    code = "too-many-requests"
    title = "操作过于频繁，请稍后再试"


class OutOfSpace(DomainError):
    """The storage is full: nothing was kept of this request."""

    status = 507
    code = "out-of-space"
    title = "服务器存储空间不足，内容未保存，请联系管理员"
