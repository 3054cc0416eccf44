//! What the interface says, in English and in Spanish: one table.
//!
//! A phrase may have places for values, `{0}` and `{1}`; [`Language::fill`] puts them in. What the characters say is in the language of their show and
//! none of this table's business.

use std::ffi::OsStr;

/// A language of the interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// English
    #[default]
    #[value(name = "en")]
    English,
    /// Español
    #[value(name = "es")]
    Spanish,
}

impl Language {
    /// The language of the locale: of the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set and not empty.
    pub fn from_env() -> Self {
        let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
        let locale = names.into_iter().filter_map(std::env::var_os);
        Self::of_locale(
            locale
                .into_iter()
                .find(|value| !value.is_empty())
                .as_deref(),
        )
    }

    /// The language of a locale such as `es_MX.UTF-8`; English where it is another.
    fn of_locale(locale: Option<&OsStr>) -> Self {
        let name = locale.and_then(OsStr::to_str).unwrap_or_default();
        match name.split(['_', '-', '.', '@']).next() {
            Some("es") => Self::Spanish,
            _ => Self::English,
        }
    }

    /// A phrase without places for values.
    pub fn say(self, phrase: Phrase) -> &'static str {
        phrase.texts()[self as usize]
    }

    /// A phrase with values in its places.
    pub fn fill(self, phrase: Phrase, values: &[&str]) -> String {
        let mut text = String::new();
        let mut rest = self.say(phrase);
        // Values are put in one by one, so that a value that looks like a place is not taken for one.
        while let Some(at) = rest.find('{') {
            text.push_str(&rest[..at]);
            let index = rest[at + 1..]
                .bytes()
                .next()
                .map(|b| usize::from(b.wrapping_sub(b'0')));
            let value = index.and_then(|index| values.get(index));
            text.push_str(value.copied().unwrap_or_default());
            rest = rest.get(at + 3..).unwrap_or_default();
        }
        text.push_str(rest);
        text
    }
}

macro_rules! phrases {
    ($($name:ident: $english:literal, $spanish:literal;)+) => {
        /// Something that the interface says. Its English text stands beside it in the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Phrase {
            $($name,)+
        }

        impl Phrase {
            /// All of them.
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)+];

            /// In English and in Spanish.
            const fn texts(self) -> [&'static str; 2] {
                match self {
                    $(Self::$name => [$english, $spanish],)+
                }
            }
        }
    };
}

phrases! {
    // The screen as a whole.
    TooSmall: "too small, needs {0}x{1}", "muy pequeño: hacen falta {0}x{1}";
    QuitsWithQ: "q quits", "q: salir";
    HouseLights: "The house lights go down…", "Se apagan las luces de la sala…";
    Paused: "paused", "en pausa";
    Seed: "seed {0}", "semilla {0}";
    MoreBelow: "↓ {0} more, f follows", "↓ {0} más, f sigue";
    MorePages: "PgDn: more below", "AvPág: hay más";
    PressForMore: "↓ more", "↓ más";
    Keys: "Keys", "Teclas";
    KeysHere: "Keys: {0}", "Teclas: {0}";

    // Marks of lines that no model made.
    Authored: "authored", "del autor";
    Injected: "injected", "del público";
    StockLine: "stock line", "de repuesto";
    Rewritten: "rewritten", "reescrita";
    VoiceOver: "V.O.", "OFF";

    // What happens on stage.
    Enters: "{0} enters.", "Entra {0}.";
    Leaves: "{0} leaves.", "Sale {0}.";
    LostEveryWord: "{0} has lost every word, and leaves.", "{0} ha perdido todas las palabras y sale.";
    CannotSpeak: "{0} begins to speak, and cannot.", "{0} quiere hablar y no puede.";
    ThreadOpens: "A thread opens: {0}", "Se abre un hilo: {0}";
    ThreadTightens: "A thread pulls tighter: {0}", "Un hilo se tensa: {0}";
    ThreadTied: "A thread is tied: {0}", "Se ata un hilo: {0}";
    Chord: "A chord. {0}", "Un acorde. {0}";
    GoesBack: "The performance goes back.", "La función vuelve atrás.";
    MoodIs: "{0}: {1}.", "{0}: {1}.";
    Colder: "colder", "más frío";
    Warmer: "warmer", "más cálido";
    Angrier: "angrier", "más furioso";
    Sadder: "sadder", "más triste";
    Calmer: "calmer", "más sereno";
    Wilder: "wilder", "más salvaje";
    Afraid: "afraid", "con miedo";

    // Music and camera.
    MusicDrum: "a drum, far off", "un tambor, a lo lejos";
    MusicViolin: "a violin climbs", "sube un violín";
    MusicStrings: "all the strings at once", "todas las cuerdas a la vez";
    MusicLetsGo: "the strings let go", "callan las cuerdas";
    CameraCloseOn: "close on {0}", "primer plano de {0}";
    CameraSlowlyOn: "slowly in on {0}", "travelín hacia {0}";
    CameraCutTo: "cut to {0}", "corte a {0}";

    // The end.
    EndConcluded: "The arc was played to its end.", "El arco llegó a su fin.";
    EndMaxLines: "The scene was as long as it may be.", "La escena duró todo lo que podía.";
    EndStopped: "You stopped it.", "La detuviste tú.";
    EndNobodyLeft: "Nobody was left who could speak.", "No quedó nadie que pudiera hablar.";
    NobodyKnows: "Nobody knows.", "Nadie lo sabe.";
    WordShare: "{0} of {1} words generated ({2} %), {3} authored", "{0} de {1} palabras generadas ({2} %), {3} del autor";
    Again: "again", "otra vez";
    Export: "export", "exportar";
    IsOver: "the performance is over", "la función ha terminado";

    // The panel.
    Cast: "CAST", "REPARTO";
    CastColumns: "floor  wish", "voz   gana";
    Arc: "ARC", "ARCO";
    LooseEnds: "LOOSE ENDS", "CABOS SUELTOS";
    InTheWings: "in the wings", "entre bastidores";
    WearingOff: "wearing off", "se le pasa";

    // The input line.
    SayPrompt: "say ", "decir ";
    SayHint: "NAME (softly): words", "NOMBRE (en voz baja): palabras";
    SayingALine: "Saying a line: NAME (softly): words", "Decir una línea: NOMBRE (en voz baja): palabras";
    NobodyBegins: "nobody's name begins with “{0}”", "ningún nombre empieza por «{0}»";
    NobodyCalled: "nobody here is called “{0}”: {1}", "aquí nadie se llama «{0}»: {1}";
    WhoSaysIt: "who says it? write NAME: text, or press Tab for a name", "¿quién lo dice? escribe NOMBRE: texto, o pulsa Tab";
    WhatDoesSay: "what does {0} say?", "¿qué dice {0}?";
    NoNumber: "“{0}” is no number from 1 to 1000", "«{0}» no es un número de 1 a 1000";
    OrderWhat: "/{0} what?", "/{0} ¿qué?";
    MoodOneOf: "/mood NAME and one of: {0}", "/mood NOMBRE y uno de: {0}";
    NoSuchOrder: "there is no “/{0}”: {1}", "no hay «/{0}»: {1}";
    NoSuchLine: "there is no such line", "no hay tal línea";
    NoOtherTake: "this line has no other take", "esta línea no tiene otra toma";
    NoTakes: "this line was not generated: it has no takes", "esta línea no fue generada: no tiene tomas";
    NotYet: "there is no line yet", "todavía no hay ninguna línea";

    // Why the director does not do it.
    RefusedUnknown: "nobody called “{0}” is in the cast: {1}", "no hay nadie llamado «{0}» en el reparto: {1}";
    RefusedEmpty: "the line has no words", "la línea no tiene palabras";
    RefusedNoRoom: "the scene is too near its last line: what is left is needed for its ending", "la escena está por terminar: las líneas que quedan son para su final";
    RefusedCannot: "“{0}” is not on stage, or has no voice left", "«{0}» no está en escena, o se quedó sin voz";
    RefusedNoTake: "none of the new takes can be heard; the line stays as it was", "ninguna toma nueva se puede oír; la línea queda como estaba";
    RefusedReplay: "this is how it was: nothing can be changed in a replay", "así fue: en una repetición nada se puede cambiar";

    // Keys, as the help card tells them.
    DoPause: "pause, go on", "pausa, seguir";
    DoStep: "finish the line, or step", "acabar la línea, o un paso";
    DoFaster: "faster", "más rápido";
    DoSlower: "slower", "más lento";
    DoSay: "say a line as anybody", "decir una línea como cualquiera";
    DoNext: "choose who speaks next", "elegir quién habla después";
    DoMood: "give somebody a mood", "darle un humor a alguien";
    DoVoice: "a voice from outside says…", "una voz de fuera dice…";
    DoRetake: "take the line again", "repetir la toma";
    DoTakes: "the takes of the line", "las tomas de la línea";
    DoNextTake: "keep the next take", "quedarse con la toma siguiente";
    DoEdit: "rewrite the line", "reescribir la línea";
    DoBack: "back to the line, go on differently", "volver a la línea y seguir de otro modo";
    DoSkip: "skip to the end of the beat", "saltar al final del acto";
    DoExtend: "three lines more in this beat", "tres líneas más en este acto";
    DoInspect: "look inside: how the line came about", "mirar dentro: cómo nació la línea";
    DoPanel: "cast, arc and loose ends: fold or show", "reparto, arco y cabos: plegar o mostrar";
    DoPalette: "every command, by name", "todas las órdenes, por nombre";
    DoMenu: "save and export", "guardar y exportar";
    DoSelectUp: "select the line above", "elegir la línea de arriba";
    DoSelectDown: "select the line below", "elegir la línea de abajo";
    DoUnselect: "select nothing, follow", "no elegir nada, seguir";
    DoLineUp: "a line up", "una línea arriba";
    DoLineDown: "a line down", "una línea abajo";
    DoPageUp: "a page up", "una página arriba";
    DoPageDown: "a page down", "una página abajo";
    DoTop: "to the title", "al título";
    DoBottom: "to the newest line", "a la última línea";
    DoFollow: "follow the newest line", "seguir la última línea";
    DoHelp: "this card", "esta tarjeta";
    DoQuit: "stop and leave", "parar y salir";
    DoLeaveAnywhere: "leave, from anywhere", "salir, desde donde sea";
    DoSuspend: "to the shell, and back with fg", "al shell; se vuelve con fg";
    DoSayIt: "say the line", "decir la línea";
    DoNextName: "the next name of the cast", "el siguiente nombre del reparto";
    DoPreviousName: "the previous name", "el nombre anterior";
    DoNeverMind: "never mind", "da igual";
    DoRemove: "remove a character", "borrar un carácter";
    DoRemoveWord: "remove a word", "borrar una palabra";
    DoClear: "remove everything", "borrar todo";
    DoLeft: "to the left", "a la izquierda";
    DoRight: "to the right", "a la derecha";
    DoHome: "to the beginning", "al principio";
    DoEnd: "to the end", "al final";
    DoClose: "close", "cerrar";
    DoTakeBefore: "the take before", "la toma anterior";
    DoTakeAfter: "the take after", "la toma siguiente";
    DoPick: "keep this take", "quedarse con esta toma";
    DoTokenBefore: "the piece before", "el trozo anterior";
    DoTokenAfter: "the piece after", "el trozo siguiente";
    DoEntryUp: "the entry above", "la entrada de arriba";
    DoEntryDown: "the entry below", "la entrada de abajo";
    DoChoose: "do it", "hacerlo";

    // Hints at the foot of the screen.
    HintPause: "pause", "pausa";
    HintGoOn: "go on", "seguir";
    HintSay: "say", "decir";
    HintCommands: "commands", "órdenes";
    HintInspect: "inside", "dentro";
    HintHelp: "help", "ayuda";
    HintQuit: "quit", "salir";
    HintSayIt: "say it", "decirlo";
    HintName: "name", "nombre";
    HintNeverMind: "never mind", "da igual";
    HintClose: "close", "cerrar";
    HintTakes: "takes", "tomas";
    HintKeep: "keep", "quedarse";
    HintPieces: "pieces", "trozos";
    HintChoose: "choose", "elegir";
    HintRetake: "again", "otra vez";

    // The names of what can be in front, for the help card.
    InScript: "the stage", "el escenario";
    InInput: "the input line", "la línea de entrada";
    InTakes: "takes", "las tomas";
    InInspector: "looking inside", "mirar dentro";
    InPalette: "commands", "las órdenes";
    InMenu: "save and export", "guardar y exportar";
    InPanel: "cast, arc, loose ends", "reparto, arco y cabos";
    InLobby: "the lobby", "el vestíbulo";
    InRehearsal: "the rehearsal", "el ensayo";

    // Takes.
    TakesOf: "Takes of {0}'s line", "Tomas de la línea de {0}";
    TakeOf: "take {0} of {1}", "toma {0} de {1}";
    Kept: "kept", "elegida";
    Silent: "(silence)", "(silencio)";
    CutOff: "cut off: {0}", "cortada: {0}";

    // Parts of a score card.
    PartFluency: "fluency", "fluidez";
    PartCue: "answers the cue", "responde al pie";
    PartVoice: "own voice", "voz propia";
    PartPlot: "plot line", "trama";
    PartMotifs: "motifs", "motivos";
    PartLength: "length", "largo";
    PartLoops: "loops", "vueltas";
    PartUnknown: "unknown words", "palabras ignotas";
    PartCopied: "copied words", "palabras copiadas";
    PartCopy: "a copy", "copia";
    PartUnfinished: "unfinished", "inacabada";
    PartTotal: "score", "nota";
    SayFluency: "likely to its own model", "probable en su modelo";
    SayCue: "likelier after the cue", "más tras lo que oyó";
    SayVoice: "likelier than the show's", "más que en toda la obra";
    SayPlot: "likelier in its plot lines", "más en sus tramas";
    SayMotifs: "welcome words of the beat", "palabras bienvenidas";
    SayLength: "too short, or too long", "muy corta o muy larga";
    SayLoops: "goes in circles", "da vueltas";
    SayUnknown: "outside the lexicon", "fuera del léxico";
    SayCopied: "in a row from the scripts", "seguidas del guion";
    SayCopy: "a line of the scripts", "una línea del guion";
    SayUnfinished: "cut off at its longest", "cortada por larga";

    // The inspector.
    InspectTitle: "Inside {0}", "Dentro de {0}";
    Thinking: "asking the model…", "preguntando al modelo…";
    NothingInside: "There is no model of this voice to ask.", "No hay modelo de esta voz al que preguntar.";
    ModelsChanged: "The models are others than those of that evening.", "Los modelos no son los de aquella noche.";
    HeatTitle: "SURPRISE", "SORPRESA";
    HeatSays: "how unexpected each piece was to its own model, in bits: 1 is a coin toss, 10 one in a thousand", "qué inesperado fue cada trozo para su propio modelo, en bits: 1 es cara o cruz, 10 uno entre mil";
    HeatMean: "{0} bits a piece, {1} in all", "{0} bits por trozo, {1} en total";
    CandidatesTitle: "IN ITS PLACE", "EN SU LUGAR";
    CandidatesSay: "after “{0}” the model thought of", "tras «{0}» el modelo pensó en";
    CandidatesFirst: "to begin with, the model thought of", "para empezar, el modelo pensó en";
    Drawn: "drawn: {0} bits", "salió: {0} bits";
    ScoreTitle: "SCORE", "NOTA";
    ScoreSays: "what the director weighed; take {0} of {1}", "lo que pesó el director; toma {0} de {1}";
    SpeakerTitle: "WHY {0}", "POR QUÉ {0}";
    SpeakerSays: "every factor of the choice, multiplied", "los factores de la elección, multiplicados";
    ByAuthored: "The author wrote this line here.", "El autor escribió esta línea aquí.";
    ByInjected: "You said it.", "La dijiste tú.";
    ByChosen: "You chose the speaker.", "Elegiste tú quién habla.";
    ByOnlyOne: "Nobody else could speak.", "Nadie más podía hablar.";
    FactorTalkative: "talkative", "hablador";
    FactorBeat: "beat", "acto";
    FactorBalance: "balance", "equilibrio";
    FactorIdle: "silent long", "callado";
    FactorAddressed: "addressed", "aludido";
    FactorBid: "bid", "gana";
    FactorRepeat: "in a row", "seguidas";
    FactorMood: "mood", "humor";
    FactorPingPong: "ping-pong", "ping-pong";
    FactorOrder: "order", "orden";
    NearestTitle: "NEAREST SCRIPT LINE", "LÍNEA MÁS CERCANA DEL GUION";
    NearestSays: "{0} words in a row are the same", "{0} palabras seguidas son iguales";
    NearestNone: "no two words in a row stand so in the scripts", "no hay dos palabras seguidas que estén así en el guion";
    HiddenTitle: "HIDDEN STATE", "ESTADO OCULTO";
    HiddenSays: "what the LSTM remembered at this piece: {0} numbers from −1 to 1", "lo que recordaba la LSTM en este trozo: {0} números de −1 a 1";

    // Menu and palette.
    MenuTitle: "Save and export", "Guardar y exportar";
    MenuLog: "The log is kept as you watch: {0}", "El registro se guarda solo: {0}";
    MenuAs: "{0} file, beside the log", "archivo {0}, junto al registro";
    Exported: "wrote {0}", "escrito: {0}";
    NotExported: "not written: {0}", "no se escribió: {0}";
    PaletteTitle: "Commands", "Órdenes";
    PaletteNothing: "nothing by that name", "nada con ese nombre";
    PaletteNext: "next speaker: {0}", "habla después: {0}";
    PaletteAnybody: "next speaker: as the director likes", "habla después: quien quiera el director";
    PaletteMood: "mood of {0}: {1}", "humor de {0}: {1}";
    PaletteExport: "export: {0}", "exportar: {0}";

    // The lobby.
    LobbyScenes: "SCENES", "ESCENAS";
    LobbyEpisodes: "EPISODES", "EPISODIOS";
    LobbyPast: "PERFORMANCES", "FUNCIONES";
    LobbyNoPast: "nothing was performed yet", "aún no hay funciones";
    LobbyLength: "{0} to {1} lines, about {2} min", "{0} a {1} líneas, unos {2} min";
    LobbyBeats: "{0} beats", "{0} actos";
    LobbyMissing: "not trained yet: {0}", "sin entrenar: {0}";
    LobbyBroken: "cannot be played: {0}", "no se puede representar: {0}";
    LobbyFinished: "to its end", "hasta el final";
    LobbyBrokenOff: "broke off", "se interrumpió";
    LobbyLines: "{0} lines, {1}", "{0} líneas, {1}";
    LobbyNoSeed: "a whole number, such as 7", "un número entero, como 7";
    LobbySeedPrompt: "play with seed", "representar con la semilla";
    LobbyBack: "Press Enter to go back to the lobby.", "Pulsa Intro para volver al vestíbulo.";
    LobbyThreads: "{0} loose ends", "{0} cabos sueltos";
    DoPlay: "play", "representar";
    DoPlaySeed: "play with a seed of your own", "representar con una semilla tuya";
    DoReplay: "see it again", "verla otra vez";
    DoResume: "go on with it", "continuarla";
    DoExport: "export as Fountain", "exportar en Fountain";
    DoTrain: "train what is missing", "entrenar lo que falta";
    DoLeave: "leave", "salir";
    HintPlay: "play", "representar";
    HintReplay: "replay", "repetir";
    HintResume: "resume", "continuar";
    HintTrain: "train", "entrenar";

    // The rehearsal.
    RehearsalTitle: "Rehearsal", "Ensayo";
    RehearsalLeft: "{0} left", "faltan {0}";
    RehearsalRate: "{0} characters/s", "{0} caracteres/s";
    RehearsalEpoch: "epoch {0}/{1}", "época {0}/{1}";
    RehearsalBits: "{0} bits/char", "{0} bits/car.";
    RehearsalDone: "done: epoch {0}, test {1}", "listo: época {0}, prueba {1}";
    RehearsalWaiting: "waits for its turn", "espera su turno";
    RehearsalSilent: "has not said anything yet", "aún no ha dicho nada";
    RehearsalPaused: "paused", "en pausa";
    RehearsalStopping: "keeping what was learned…", "guardando lo aprendido…";
    RehearsalStopped: "Stopped and kept. Go on with: telenovela train", "Detenido y guardado. Para seguir: telenovela train";
    RehearsalCurves: "own", "propio";
    RehearsalDev: "dev", "dev";
    RehearsalBaseline: "count table", "tabla de n-gramas";
    RehearsalLines: "WHAT THEY SAY, EPOCH BY EPOCH", "LO QUE DICEN, ÉPOCA A ÉPOCA";
    DoStopAndKeep: "stop and keep what was learned", "parar y guardar lo aprendido";
    DoNextModel: "the next one", "el siguiente";
    DoPreviousModel: "the one before", "el anterior";
    HintStop: "stop and keep", "parar y guardar";
    HintModel: "model", "modelo";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_everything_and_name_the_same_values() {
        for phrase in Phrase::ALL {
            let [english, spanish] = phrase.texts();
            assert!(!english.is_empty() && !spanish.is_empty(), "{phrase:?}");
            for place in ["{0}", "{1}", "{2}", "{3}"] {
                assert_eq!(
                    english.contains(place),
                    spanish.contains(place),
                    "{phrase:?} {place}"
                );
            }
        }
    }

    #[test]
    fn a_value_that_looks_like_a_place_is_left_as_it_is() {
        let said = Language::English.fill(Phrase::NobodyCalled, &["{1}", "Inés"]);
        assert_eq!(said, "nobody here is called “{1}”: Inés");
        let said = Language::Spanish.fill(Phrase::Enters, &["Inés"]);
        assert_eq!(said, "Entra Inés.");
    }

    #[test]
    fn the_locale_decides() {
        let of = |locale: &str| Language::of_locale(Some(OsStr::new(locale)));
        assert_eq!(of("es_MX.UTF-8"), Language::Spanish);
        assert_eq!(of("es"), Language::Spanish);
        assert_eq!(of("est_EE"), Language::English);
        assert_eq!(of("C.UTF-8"), Language::English);
        assert_eq!(Language::of_locale(None), Language::English);
    }
}
