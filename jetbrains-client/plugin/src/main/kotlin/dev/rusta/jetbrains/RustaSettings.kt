package dev.rusta.jetbrains

import com.intellij.ide.util.PropertiesComponent
import com.intellij.openapi.options.BoundSearchableConfigurable
import com.intellij.openapi.ui.DialogPanel
import com.intellij.ui.dsl.builder.bindText
import com.intellij.ui.dsl.builder.columns
import com.intellij.ui.dsl.builder.panel

/** The plugin's only setting: which `rusta` to run. */
object RustaSettings {
    private const val KEY = "dev.rusta.executable"
    private const val ON_PATH = "rusta"

    var executable: String
        get() = PropertiesComponent.getInstance().getValue(KEY, ON_PATH)
        set(value) = PropertiesComponent.getInstance().setValue(KEY, value.trim(), ON_PATH)
}

/** The page for it below *Settings | Tools*. */
class RustaConfigurable : BoundSearchableConfigurable("Rusta", "dev.rusta.settings") {
    override fun createPanel(): DialogPanel = panel {
        row("Command:") {
            textField()
                .columns(40)
                .bindText(RustaSettings::executable)
                .comment("<code>rusta</code>, or its full path. Restart the server in the Language Servers view.")
        }
    }
}
