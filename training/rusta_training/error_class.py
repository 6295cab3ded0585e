"""Which of the seven classes an error belongs to, by its code."""

from typing import Final, Literal

ErrorClass = Literal[
    "borrow checker",
    "trait bounds",
    "type mismatch",
    "move/ownership",
    "visibility/resolution",
    "syntax/basic",
    "lint/style",
]

_NUMBERS: Final[dict[ErrorClass, str]] = {
    "borrow checker": (
        "106 195 226 227 228 261 262 309 310 311 312 373 478 491 492 495 496 499 502 503 505 506 510 515"
        " 521 524"
        " 582 594 596 597 621 623 626 637 657 700 712 713 716 726 759 767 792"
    ),
    "move/ownership": "120 161 184 204 381 382 384 40 493 507 508 509",
    "trait bounds": (
        "34 35 36 37 38 46 48 49 50 53 55 116 117 118 119 183 185 186 191 199 200 201 207 210 220 221"
        " 223 225 229"
        " 232 275 276 277 283 284 323 324 325 326 366 367 369 379 390 391 392 393 399 401 403 404 405"
        " 407 436 437"
        " 438 477 520 525 533 562 576 592 593 599 600 631 647 665 666 720 733 746 747 782 790"
    ),
    "type mismatch": (
        "4 5 10 23 26 27 29 30 31 33 54 57 60 61 62 63 67 69 70 71 72 73 74 77 80 107 121 164 205 206"
        " 214 216 271"
        " 282 308 317 527 528 529 559 560 571 604 605 606 607 608 609 610 614 615 617 618 620 641 644"
        " 689 769 770 777"
    ),
    "visibility/resolution": (
        "170 252 254 255 256 259 260 364 365 408 409 411 412 415 416 417 418 422 423 424 425 426 428 429"
        " 430 431 432"
        " 433 434 435 446 449 451 453 463 531 532 573 574 583 603 616 624 635 659 704 742"
    ),
}
_CLASS_OF: Final = {
    f"E{int(number):04}": klass for klass, numbers in _NUMBERS.items() for number in numbers.split()
}
_ABOUT_LIFETIMES: Final = (
    "lifetime may not live",
    "borrowed data escapes",
    "explicit lifetime required",
    "implementation of",
    "higher-ranked",
    "captured variable cannot escape",
    "async block may outlive",
)


def of(code: str | None, message: str) -> ErrorClass:
    """The class of an error or warning; errors without a code are told apart by their message."""
    if code is None:
        return "borrow checker" if message.startswith(_ABOUT_LIFETIMES) else "syntax/basic"
    if not code.startswith("E"):
        return "lint/style"
    return _CLASS_OF.get(code, "syntax/basic")
