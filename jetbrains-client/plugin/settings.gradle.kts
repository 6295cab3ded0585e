rootProject.name = "rusta-jetbrains"
