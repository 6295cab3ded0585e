from rusta_training import debian
from rusta_training.debian import Package


def packages(**needs: str) -> dict[str, Package]:
    """Packages by short name, with what they depend on; ``_`` stands for ``-`` and ``__`` for ``+``."""
    named = {
        f"librust-{short.replace('__', '+').replace('_', '-')}-dev": tuple(
            f"librust-{need}-dev" for need in depends.split()
        )
        for short, depends in needs.items()
    }
    return {
        name: Package(name, "1", "0" * 64, depends, (name.replace("-dev", "+default-dev"),))
        for name, depends in named.items()
    }


def chosen(found: dict[str, Package], at_least: int) -> list[str]:
    return [package.name for package in debian.most_used(found, at_least)]


def test_the_most_used_come_first_also_if_used_by_a_feature() -> None:
    found = packages(log="", url="log", http="log+default url", app="http")
    assert chosen(found, 1) == ["librust-log-dev", "librust-http-dev", "librust-url-dev"]
    assert chosen(found, 2) == ["librust-log-dev"]


def test_features_old_versions_and_generated_bindings_are_left_out() -> None:
    found = packages(
        syn="",
        syn_1="",
        md_5="",
        nom__std="",
        glib_sys="",
        app="syn syn-1 md-5 nom+std glib-sys",
    )
    assert chosen(found, 1) == ["librust-md-5-dev", "librust-syn-dev"]
