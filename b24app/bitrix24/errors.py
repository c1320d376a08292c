"""Everything that can go wrong between us and Bitrix24, as one tree and one table.

::

    BitrixError
    ├── TransportError            no answer of the portal that could be read
    │   ├── NotSent               no connection: certainly not applied
    │   ├── OutOfTime             its deadline had passed, so it was not sent
    │   ├── OutcomeUnknown        time-out, reset, cut-off body, HTML: applied perhaps
    │   └── UnexpectedRedirect    a 3xx to an address nobody confirmed; not followed
    ├── IncompleteAnswer          an answer without what the documentation promises
    ├── NotRun                    a batch command that the portal never started
    └── ApiError                  the portal, or the authorization server, said no
        ├── AuthError
        │   ├── ExpiredToken      renew and repeat, once
        │   ├── DeadToken         the app has to be opened again
        │   │   └── UserDismissed the portal lets this person in no more; the token itself is good
        │   ├── RenewalPending    another process renews the token: come back in a moment
        │   └── InvalidClient     our own client_id or client_secret, or not installed there
        ├── PaymentRequired       the app's own trial or subscription is over
        ├── PlanEnded             the portal's plan or Market subscription allows no REST: for everybody
        ├── AccessDenied
        │   ├── ReadDenied
        │   ├── WriteDenied
        │   └── AppClosedToUser   the administrator did not open the app to this user
        ├── MissingScope          the app was installed without this permission
        ├── LimitError            said by the portal, or with code BUDGET by our own budget
        │   ├── RateLimited       too many requests a second; refused before it ran
        │   ├── OperatingLimit    this method has used up its execution time
        │   ├── Overloaded        REST is blocked for the portal; only the vendor's support lifts it
        │   └── Wait              a job's request was not sent: come back in so many seconds
        ├── ServerFault           the portal broke down on the way; applied perhaps
        ├── PortalClosed          closed for a while (maintenance), or misconfigured; proves nothing
        ├── MethodNotFound        the feature is not on this portal
        ├── StoreMissing          no online store on this portal
        ├── NotFound
        │   ├── LinkNotFound
        │   └── OrderNotFound
        ├── AlreadyExists
        │   └── LinkExists        this order link exists already
        ├── NotSaved              the portal's own checks refused to save the order
        ├── BadRequest            our mistake: wrong or missing parameters
        └── UnknownError          a code we do not know: treated as final, never repeated
            └── AccessUnclear     the same with HTTP 401: proves nothing about the token

For the error of each code see :mod:`error_codes`.
"""

from typing import ClassVar, Self

DESCRIPTION_LIMIT = 500


class BitrixError(Exception):
    """Base of all errors here.

    ``code`` is the portal's code as a string (or a word of ours in capitals), ``description`` its
    text, shortened, for administrators and logs only. ``http_status`` is None when no answer came.
    ``method`` and ``request_id`` are empty until the client knows them. ``whole_request`` is True for a
    batch command whose request failed as a whole: the portal said nothing about this command.
    """

    retryable: ClassVar[bool] = False
    """The same request may succeed in a moment; repeating a *read* is worth it."""

    not_applied: ClassVar[bool] = True
    """A write that ended like this has certainly changed nothing; False: read back to know."""

    def __init__(
        self,
        code: str,
        description: str = "",
        *,
        http_status: int | None = None,
        method: str = "",
        request_id: str = "",
        whole_request: bool = False,
    ) -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description[:DESCRIPTION_LIMIT]
        self.http_status = http_status
        self.method = method
        self.request_id = request_id
        self.whole_request = whole_request

    def __str__(self) -> str:
        facts = [f"{self.method or 'call'}: {self.code or '(empty code)'}"]
        if self.description:
            facts.append(self.description)
        if self.http_status is not None:
            facts.append(f"HTTP {self.http_status}")
        if self.request_id:
            facts.append(f"request {self.request_id}")
        return ", ".join(facts)

    def copied(self, *, method: str) -> Self:
        """An error of its own for one command of a batch that failed as a whole."""
        return type(self)(
            self.code,
            self.description,
            http_status=self.http_status,
            method=method,
            request_id=self.request_id,
            whole_request=True,
        )

    @classmethod
    def may_repeat(cls, *, write: bool) -> bool:
        """Whether the same request may be sent again without anybody having looked."""
        return cls.retryable and (cls.not_applied or not write)


class TransportError(BitrixError):
    pass


class NotSent(TransportError):
    retryable = True


class OutOfTime(TransportError):
    """The deadline of the request passed before it could be sent; nothing left this process."""


class OutcomeUnknown(TransportError):
    retryable = True
    not_applied = False


class UnexpectedRedirect(TransportError):
    pass


class IncompleteAnswer(BitrixError):
    not_applied = False


class NotRun(BitrixError):
    pass


class ApiError(BitrixError):
    pass


class AuthError(ApiError):
    pass


class ExpiredToken(AuthError):
    pass


class DeadToken(AuthError):
    pass


class RenewalPending(AuthError):
    """Another process has the renewal of this token, or may still bring the new pair; nothing was sent."""


class UserDismissed(DeadToken):
    pass


class InvalidClient(AuthError):
    pass


class PaymentRequired(ApiError):
    pass


class PlanEnded(ApiError):
    pass


class AccessDenied(ApiError):
    pass


class ReadDenied(AccessDenied):
    pass


class WriteDenied(AccessDenied):
    pass


class AppClosedToUser(AccessDenied):
    pass


class MissingScope(ApiError):
    pass


class LimitError(ApiError):
    pass


class RateLimited(LimitError):
    retryable = True


class OperatingLimit(LimitError):
    pass


class Overloaded(LimitError):
    pass


class Crowded(LimitError):
    pass


class Wait(LimitError):
    """Our own budget has no room for a job's request now; nothing was sent.

    The job ends its slice and comes back after ``seconds``, holding no worker meanwhile. ``why`` says
    what has no room: ``rate`` (requests), ``operating`` (a method's execution time), ``overload`` (the
    portal has blocked the app), or ``away`` (the budget itself cannot be asked).
    """

    def __init__(self, seconds: float, *, method: str = "", why: str = "rate") -> None:
        super().__init__("BUDGET", f"not before {seconds:.1f} s", method=method)
        self.seconds = seconds
        self.why = why

    def copied(self, *, method: str) -> Self:
        found = type(self)(self.seconds, method=method, why=self.why)
        found.whole_request = True
        return found

    def __reduce__(self) -> tuple[type[Self], tuple[float], dict[str, object]]:
        return type(self), (self.seconds,), self.__dict__


class ServerFault(ApiError):
    retryable = True
    not_applied = False


class PortalClosed(ApiError):
    pass


class MethodNotFound(ApiError):
    pass


class StoreMissing(ApiError):
    pass


class NotFound(ApiError):
    pass


class LinkNotFound(NotFound):
    pass


class OrderNotFound(NotFound):
    pass


class AlreadyExists(ApiError):
    pass


class LinkExists(AlreadyExists):
    pass


class NotSaved(ApiError):
    not_applied = False


class BadRequest(ApiError):
    pass


class UnknownError(ApiError):
    not_applied = False


class AccessUnclear(UnknownError):
    """HTTP 401 with an unknown code, or without JSON.

    The token is not renewed because of it, and nobody's access has ended: only the authorization
    server's refusal to renew a token ends it. Access is checked before anything is carried out, so
    nothing was.
    """

    not_applied = True
