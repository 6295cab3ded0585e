// A JetBrains IDE as the server sees it: LSP4IJ's library (lsp4j), its capabilities and its order of messages.
//
//     java -cp lsp4j.jar Ide.java PROFILE.json TEMPLATE CRATE FILE PLACES.json -- rusta serve
//
// Opens FILE of CRATE, hovers over the PLACES, waits for an error and for a proven fix of it, takes the fix, saves,
// and waits until the error is gone. What the person sees is printed as one JSON object.

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.eclipse.lsp4j.*;
import org.eclipse.lsp4j.jsonrpc.Launcher;
import org.eclipse.lsp4j.jsonrpc.messages.Either;
import org.eclipse.lsp4j.jsonrpc.services.JsonRequest;
import org.eclipse.lsp4j.launch.LSPLauncher;
import org.eclipse.lsp4j.services.LanguageClient;
import org.eclipse.lsp4j.services.LanguageServer;

public class Ide {
    static final long PATIENCE_S = 600;
    static final Gson GSON = new Gson();

    // The side of the IDE that the server talks to.
    public static class Client implements LanguageClient {
        final JsonObject settings;
        final ConcurrentHashMap<String, List<Diagnostic>> diagnostics = new ConcurrentHashMap<>();
        final List<String> messages = new ArrayList<>();
        final List<String> progress = new ArrayList<>();

        Client(JsonObject settings) {
            this.settings = settings;
        }

        @Override
        public void publishDiagnostics(PublishDiagnosticsParams params) {
            diagnostics.put(params.getUri(), params.getDiagnostics());
        }

        @Override
        public CompletableFuture<List<Object>> configuration(ConfigurationParams params) {
            List<Object> found = new ArrayList<>();
            for (ConfigurationItem item : params.getItems()) {
                found.add(settings.get(item.getSection()));
            }
            return CompletableFuture.completedFuture(found);
        }

        @Override
        public CompletableFuture<Void> createProgress(WorkDoneProgressCreateParams params) {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public void notifyProgress(ProgressParams params) {
            if (params.getValue().getLeft() instanceof WorkDoneProgressBegin begin) {
                progress.add(begin.getTitle());
            }
        }

        @Override
        public CompletableFuture<Void> registerCapability(RegistrationParams params) {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletableFuture<Void> unregisterCapability(UnregistrationParams params) {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletableFuture<Void> refreshSemanticTokens() {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletableFuture<Void> refreshCodeLenses() {
            return CompletableFuture.completedFuture(null);
        }

        // In the lsp4j of LSP4IJ these two are part of the interface.
        @JsonRequest("workspace/inlayHint/refresh")
        public CompletableFuture<Void> refreshInlayHints() {
            return CompletableFuture.completedFuture(null);
        }

        @JsonRequest("workspace/diagnostic/refresh")
        public CompletableFuture<Void> refreshDiagnostics() {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletableFuture<ShowDocumentResult> showDocument(ShowDocumentParams params) {
            return CompletableFuture.completedFuture(new ShowDocumentResult(true));
        }

        @Override
        public void telemetryEvent(Object event) {}

        @Override
        public void showMessage(MessageParams message) {
            messages.add(message.getType() + ": " + message.getMessage());
        }

        @Override
        public CompletableFuture<MessageActionItem> showMessageRequest(ShowMessageRequestParams params) {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public void logMessage(MessageParams message) {
            messages.add("log " + message.getType() + ": " + message.getMessage());
        }
    }

    public static void main(String[] arguments) throws Exception {
        List<String> all = Arrays.asList(arguments);
        int separator = all.indexOf("--");
        JsonObject profile = read(Path.of(all.get(0)));
        Path template = Path.of(all.get(1));
        Path crate = Path.of(all.get(2));
        Path file = crate.resolve(all.get(3));
        JsonObject places = read(Path.of(all.get(4)));

        Process process = new ProcessBuilder(all.subList(separator + 1, all.size()))
            .directory(crate.toFile()).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        Client client = new Client(read(template.resolve("settings.json")));
        Launcher<LanguageServer> launcher = LSPLauncher.createClientLauncher(
            client, process.getInputStream(), process.getOutputStream());
        Future<Void> listening = launcher.startListening();
        LanguageServer server = launcher.getRemoteProxy();
        JsonObject seen = new JsonObject();
        try {
            work(launcher, server, client, profile, template, crate, file, places, seen);
            get(server.shutdown());
            server.exit();
            seen.addProperty("exitCode", process.waitFor(60, TimeUnit.SECONDS) ? process.exitValue() : null);
        } finally {
            process.destroy();
            listening.cancel(true);
        }
        seen.add("messages", GSON.toJsonTree(client.messages));
        seen.add("progress", GSON.toJsonTree(client.progress));
        System.out.println(GSON.toJson(seen));
        System.exit(0);
    }

    static void work(
            Launcher<LanguageServer> launcher, LanguageServer server, Client client, JsonObject profile,
            Path template, Path crate, Path file, JsonObject places, JsonObject seen) throws Exception {
        String uri = file.toUri().toString();
        TextDocumentIdentifier document = new TextDocumentIdentifier(uri);
        String text = Files.readString(file);

        // The capabilities go out as they were read: they are those of a newer lsp4j.
        JsonObject initialize = new JsonObject();
        initialize.addProperty("processId", ProcessHandle.current().pid());
        initialize.addProperty("rootUri", crate.toUri().toString());
        JsonObject folder = new JsonObject();
        folder.addProperty("uri", crate.toUri().toString());
        folder.addProperty("name", crate.getFileName().toString());
        JsonArray folders = new JsonArray();
        folders.add(folder);
        initialize.add("workspaceFolders", folders);
        initialize.add("initializationOptions", read(template.resolve("initializationOptions.json")));
        JsonObject capabilities = profile.getAsJsonObject("capabilities").deepCopy();
        capabilities.add("experimental", read(template.resolve("experimental.json")));
        initialize.add("capabilities", capabilities);
        initialize.add("clientInfo", profile.get("clientInfo"));
        get(launcher.getRemoteEndpoint().request("initialize", initialize));
        server.initialized(new InitializedParams());
        server.getWorkspaceService().didChangeConfiguration(new DidChangeConfigurationParams(client.settings));
        server.getTextDocumentService().didOpen(
            new DidOpenTextDocumentParams(new TextDocumentItem(uri, "rust", 1, text)));

        // What the IDE asks as soon as a file is shown.
        get(server.getTextDocumentService().documentSymbol(new DocumentSymbolParams(document)));
        get(server.getTextDocumentService().foldingRange(new FoldingRangeRequestParams(document)));
        get(server.getTextDocumentService().semanticTokensFull(new SemanticTokensParams(document)));
        get(server.getTextDocumentService().codeLens(new CodeLensParams(document)));
        pull(launcher, document);

        Diagnostic error = until("an error", () -> errors(client, uri).stream().findFirst().orElse(null));
        seen.add("error", GSON.toJsonTree(error));

        JsonObject hovers = new JsonObject();
        for (String name : places.keySet()) {
            Position position = position(text, text.indexOf(places.get(name).getAsString()));
            hovers.addProperty(name, until("a hover over " + name, () -> hover(server, document, position)));
        }
        seen.add("hovers", hovers);

        // As LSP4IJ does for an error that the caret is in: quick fixes only, and of those no other kinds.
        CodeActionContext context = new CodeActionContext(List.of(error), List.of(CodeActionKind.QuickFix));
        CodeActionParams params = new CodeActionParams(document, error.getRange(), context);
        List<CodeAction> actions = until("a proven fix", () -> {
            List<CodeAction> offered = offered(server, params);
            return offered.stream().anyMatch(action -> action.getTitle().contains("[V")) ? offered : null;
        });
        JsonArray titles = new JsonArray();
        actions.forEach(action -> titles.add(action.getTitle()));
        seen.add("actions", titles);
        CodeAction chosen = actions.stream().filter(action -> action.getTitle().contains("[V")).findFirst().get();
        if (chosen.getEdit() == null && chosen.getCommand() == null) {
            chosen = get(server.getTextDocumentService().resolveCodeAction(chosen));
        }
        String after = applied(text, uri, chosen.getEdit());
        seen.addProperty("after", after);

        server.getTextDocumentService().didChange(new DidChangeTextDocumentParams(
            new VersionedTextDocumentIdentifier(uri, 2), List.of(new TextDocumentContentChangeEvent(after))));
        pull(launcher, document);
        Files.writeString(file, after);
        server.getTextDocumentService().didSave(new DidSaveTextDocumentParams(document));
        until("no error any more", () -> errors(client, uri).isEmpty() ? true : null);
    }

    static void pull(Launcher<LanguageServer> launcher, TextDocumentIdentifier document) {
        JsonObject params = new JsonObject();
        params.add("textDocument", GSON.toJsonTree(document));
        launcher.getRemoteEndpoint().request("textDocument/diagnostic", params);
    }

    static List<Diagnostic> errors(Client client, String uri) {
        return client.diagnostics.getOrDefault(uri, List.of()).stream()
            .filter(diagnostic -> diagnostic.getSeverity() == DiagnosticSeverity.Error).toList();
    }

    // The Markdown of a hover, once it cites.
    static String hover(LanguageServer server, TextDocumentIdentifier document, Position position) {
        Hover hover = get(server.getTextDocumentService().hover(new HoverParams(document, position)));
        if (hover == null || !hover.getContents().isRight()) {
            return null;
        }
        String value = hover.getContents().getRight().getValue();
        return value.contains("“") ? value : null;
    }

    static List<CodeAction> offered(LanguageServer server, CodeActionParams params) {
        List<CodeAction> found = new ArrayList<>();
        for (Either<Command, CodeAction> one : get(server.getTextDocumentService().codeAction(params))) {
            CodeAction action = one.getRight();
            if (action != null && (action.getKind() == null || CodeActionKind.QuickFix.equals(action.getKind()))) {
                found.add(action);
            }
        }
        return found;
    }

    static String applied(String text, String uri, WorkspaceEdit edit) {
        List<TextEdit> edits = edit.getDocumentChanges() == null
            ? new ArrayList<>(edit.getChanges().get(uri))
            : new ArrayList<>(edit.getDocumentChanges().get(0).getLeft().getEdits());
        edits.sort(Comparator.comparingInt((TextEdit one) -> offset(text, one.getRange().getStart())).reversed());
        StringBuilder after = new StringBuilder(text);
        for (TextEdit one : edits) {
            after.replace(
                offset(text, one.getRange().getStart()), offset(text, one.getRange().getEnd()), one.getNewText());
        }
        return after.toString();
    }

    // Java counts as utf-16 does, which is what LSP4IJ declares.
    static int offset(String text, Position position) {
        int start = 0;
        for (int line = 0; line < position.getLine(); line++) {
            start = text.indexOf('\n', start) + 1;
        }
        return start + position.getCharacter();
    }

    static Position position(String text, int offset) {
        int line = (int) text.substring(0, offset).chars().filter(c -> c == '\n').count();
        return new Position(line, offset - (text.lastIndexOf('\n', offset - 1) + 1));
    }

    static <T> T until(String what, Supplier<T> ask) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        T found;
        while ((found = ask.get()) == null) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException(what + " did not come");
            }
            Thread.sleep(100);
        }
        return found;
    }

    // The answer; that it came too early for rust-analyzer counts as none yet.
    static <T> T get(CompletableFuture<T> future) {
        try {
            return future.get(PATIENCE_S, TimeUnit.SECONDS);
        } catch (java.util.concurrent.ExecutionException error) {
            if (error.getCause() instanceof org.eclipse.lsp4j.jsonrpc.ResponseErrorException answer
                    && answer.getResponseError().getCode() == -32801) {
                return null;
            }
            throw new IllegalStateException(error.getCause());
        } catch (InterruptedException | java.util.concurrent.TimeoutException error) {
            throw new IllegalStateException(error);
        }
    }

    static JsonObject read(Path path) throws Exception {
        return JsonParser.parseString(Files.readString(path)).getAsJsonObject();
    }
}
