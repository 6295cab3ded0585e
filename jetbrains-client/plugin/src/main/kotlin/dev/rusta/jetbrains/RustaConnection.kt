package dev.rusta.jetbrains

import com.intellij.execution.configurations.GeneralCommandLine
import com.intellij.ide.trustedProjects.TrustedProjects
import com.intellij.openapi.project.Project
import com.intellij.openapi.vfs.VirtualFile
import com.redhat.devtools.lsp4ij.server.OSProcessStreamConnectionProvider
import java.nio.charset.StandardCharsets

/**
 * Starts `rusta serve` in the project's folder.
 *
 * A project that the IDE does not trust is served without running anything of it: no cargo, no rust-analyzer.
 */
class RustaConnection(project: Project) : OSProcessStreamConnectionProvider(commandLine(project)) {

    // Sent as it is by LSP4J, whose Gson serialises maps. Rusta's own settings stand in rusta.toml.
    override fun getInitializationOptions(rootUri: VirtualFile?): Any = mapOf("rusta" to emptyMap<String, Any>())

    // The same as in the template: LSP4IJ has none of rust-analyzer's extensions of the protocol.
    override fun getExperimentalFeaturesPOJO(): Any = mapOf(
        "snippetTextEdit" to false,
        "codeActionGroup" to false,
        "hoverActions" to false,
        "serverStatusNotification" to false,
        "commands" to mapOf("commands" to emptyList<String>()),
    )
}

private fun commandLine(project: Project): GeneralCommandLine {
    val arguments = if (TrustedProjects.isProjectTrusted(project)) listOf("serve") else listOf("serve", "--untrusted")
    return GeneralCommandLine(listOf(RustaSettings.executable) + arguments)
        .withWorkDirectory(project.basePath)
        .withParentEnvironmentType(GeneralCommandLine.ParentEnvironmentType.CONSOLE)
        // The process handler decodes what the server writes; the protocol is UTF-8 whatever the IDE's default.
        .withCharset(StandardCharsets.UTF_8)
}
