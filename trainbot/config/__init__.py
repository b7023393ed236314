"""bot.ini as frozen values; the defaults are in ``model``.  ``load(path)`` reports every problem at once."""

from trainbot.config.loader import files_named, load, placeholders
from trainbot.model.config import (
    Config,
    ExerciseConfig,
    GatewaySection,
    ImageConfig,
    IrcConfig,
    LabsConfig,
    QuestionsConfig,
    RecordsConfig,
    ScheduleConfig,
    Secret,
    StoreConfig,
)

__all__ = [
    "Config",
    "ExerciseConfig",
    "GatewaySection",
    "ImageConfig",
    "IrcConfig",
    "LabsConfig",
    "QuestionsConfig",
    "RecordsConfig",
    "ScheduleConfig",
    "Secret",
    "StoreConfig",
    "files_named",
    "load",
    "placeholders",
]
