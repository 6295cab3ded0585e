"""What Rusta adds to rust-analyzer. A feature is one file here plus one line in `_FEATURES`.

A feature module has one public function, ``register(hooks: Hooks) -> None``, which says what it wants to
see. Methods without a hook are forwarded without their body being parsed.

Every hook gets the connection's `Proxy` first; JSON values are plain dicts and lists.

=============================================  =====================================================
``hooks.before(method, f)``                    ``f(proxy, params) -> params | None``: patch an
                                               editor's request on its way to rust-analyzer
``hooks.after(method, f, timeout_s=1.0)``      ``async f(proxy, params, result) -> result | None``:
                                               patch rust-analyzer's answer; ``result`` is None when
                                               it had none, failed, or is not running
``hooks.beside(method, f, grace_s=g)``         ``async f(proxy, params, answer) -> result | None``: the
                                               same for work that begins when the request passes;
                                               ``await answer`` is rust-analyzer's result. What is not
                                               ready ``g(proxy)`` seconds after that is left out, and
                                               ``f`` ends in its own time
``hooks.claim(method, mine, f)``               ``mine(proxy, params) -> bool`` and
                                               ``async f(proxy, params) -> result``: answer some
                                               requests of a shared method, e.g.
                                               `codeAction/resolve` of our own actions
``hooks.method("rusta/name", f)``              ``async f(proxy, params) -> result``
``hooks.command("rusta.name", f)``             ``async f(proxy, *arguments) -> result``; announced in
                                               `executeCommandProvider`
``hooks.from_client(method, f)``               ``f(proxy, params) -> None | params``: a notification
                                               of the editor, e.g. `textDocument/didSave`
``hooks.from_analyzer(method, f)``             the same for rust-analyzer's, e.g.
                                               `textDocument/publishDiagnostics`
``hooks.settings(f)``                          ``f(proxy, settings) -> settings``: the object
                                               "rust-analyzer" in `initializationOptions`, in answers
                                               to `workspace/configuration` and in
                                               `workspace/didChangeConfiguration`
``hooks.capabilities({...})``                  merged under rust-analyzer's capabilities
``hooks.ready(f)``, ``hooks.close(f)``         ``async f(proxy)``: begin and end of the connection
=============================================  =====================================================

None means "leave it as it is". A hook that raises or takes too long is logged with the request's id, and
what rust-analyzer said goes through unchanged. Synchronous hooks run on the event loop: they must be
quick. Long work goes to a thread (`asyncio.to_thread`) and is stopped in ``close``.

What a hook can use:

* ``proxy.config``, ``proxy.session.client_capabilities`` (as sent), ``proxy.session.root`` (a Path);
* ``proxy.session.state(MyState)``: the feature's own mutable state, one value per connection;
* ``proxy.documents.get(uri) -> OpenDocument | None`` with ``text``, ``version``, ``path`` and ``index``
  (`convert.LineIndex`: byte offsets <-> positions); for a file that is not open,
  `convert.LineIndex(data, proxy.session.encoding)`; `convert.path_of(uri)` and `convert.uri_of(path)`;
* ``place.place_of(proxy, params) -> Place | None``: the position that a request names, with all that is
  needed to look at it from a thread; ``library.current(proxy)``: the documentation, if there is an index;
* ``await proxy.analyzer.request(method, params, timeout_s=...)``: ask rust-analyzer; raises
  `upstream.RequestFailed`; ``proxy.analyzer.notify(method, params)``;
* ``proxy.client``: pygls's LanguageServer for everything towards the editor, e.g.
  ``proxy.client.window_show_message(...)``, ``await proxy.client.workspace_apply_edit_async(...)``,
  ``proxy.client.work_done_progress``;
* ``proxy.notify_client(method, params)``: the same for a notification made of plain dicts;
* ``proxy.loop``: for calls from threads, `proxy.loop.call_soon_threadsafe(...)`;
* ``proxy.background(coroutine)``: a task that is cancelled when the connection ends and whose exception
  is logged.
"""

from importlib import import_module

from ..hooks import Hooks

_FEATURES: tuple[str, ...] = (
    *("check", "quickfix", "propose", "docs", "hover", "codes"),
    *("status", "traces", "pages", "feedback", "fixall"),
)


def register_all() -> Hooks:
    """The hooks of every feature."""
    hooks = Hooks()
    for name in _FEATURES:
        import_module(f".{name}", __name__).register(hooks)
    return hooks
