"""The words of the tiny world. Lists are disjoint, so that a word names its role wherever it stands."""

DOMAINS = ("fable", "quest", "ghost")

HEROES: dict[str, tuple[str, ...]] = {
    "fable": ("Fox", "Hare", "Crow", "Bear", "Mouse", "Goat"),
    "quest": ("Mira", "Tom", "Ada", "Finn", "Rosa", "Hugo"),
    "ghost": ("Nell", "Otto", "Edith", "Silas", "Agnes", "Amos"),
}
FOES: dict[str, tuple[str, ...]] = {
    "fable": ("wolf", "snake", "eagle", "hunter", "miller", "lion"),
    "quest": ("dragon", "giant", "troll", "knight", "bandit", "king"),
    "ghost": ("phantom", "witch", "shadow", "stranger", "banshee", "puppet"),
}
NAMES = tuple(name for names in HEROES.values() for name in names)
FOE_NAMES = tuple(foe for foes in FOES.values() for foe in foes)
TRAITS = ("brave", "kind", "clever", "patient", "proud", "shy")
PLACES = ("mill", "harbour", "tower", "forest", "bridge", "cave", "market", "garden")
TOOLS = ("rope", "song", "torch", "net", "mirror", "riddle", "drum", "ladder")
ITEMS = ("key", "crown", "lamp", "ring", "map", "bell", "book", "seed")
VIVID = ("silver", "whispering", "crooked", "moonlit", "velvet", "thorny")
FEELINGS = ("hope", "fear", "joy", "grief", "anger", "wonder")
REQUIRED = ("river", "wind", "snow", "fire", "stone", "star")
"""Words that a ``required_word`` constraint may ask for."""
