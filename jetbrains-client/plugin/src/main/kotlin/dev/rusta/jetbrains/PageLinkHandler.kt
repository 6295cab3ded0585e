package dev.rusta.jetbrains

import com.intellij.ide.BrowserUtil
import com.intellij.platform.backend.documentation.DocumentationLinkHandler
import com.intellij.platform.backend.documentation.DocumentationTarget
import com.intellij.platform.backend.documentation.LinkResolveResult
import com.redhat.devtools.lsp4ij.features.documentation.LSPDocumentationTarget

/**
 * Opens cited pages of the documentation on this machine in the browser, at the quoted place.
 *
 * LSP4IJ's own handler opens every `file://` link in the editor. For a line of Rust that is right and left to it; of a
 * page it would show the HTML source.
 */
class PageLinkHandler : DocumentationLinkHandler {
    override fun resolveLink(target: DocumentationTarget, url: String): LinkResolveResult? {
        if (target !is LSPDocumentationTarget || !isPage(url)) return null
        BrowserUtil.browse(url)
        return LinkResolveResult.resolvedTarget(target)
    }
}

/** Whether a link leads to a page on this machine. */
internal fun isPage(url: String): Boolean =
    url.startsWith("file:///") && url.substringBefore('#').endsWith(".html")
