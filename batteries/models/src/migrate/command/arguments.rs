//! The arguments of `makemigrations`.

/// The arguments of `makemigrations`.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) name: Option<String>,
    pub(super) empty: bool,
    pub(super) dry_run: bool,
    pub(super) check: bool,
    pub(super) merge: bool,
    pub(super) concurrently: bool,
    pub(super) no_input: bool,
    pub(super) allow_data_loss: bool,
    pub(super) adopted: Vec<String>,
    pub(super) renames: Vec<Rename>,
    pub(super) values: Vec<Value>,
}

/// `--rename notes=posts` or `--rename notes.text=body`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rename {
    /// The table of a renamed column.
    pub(super) table: Option<String>,
    pub(super) from: String,
    pub(super) to: String,
}

impl Rename {
    /// Returns the option as it was written.
    pub(super) fn shown(&self) -> String {
        let table = self.table.as_ref().map(|table| format!("{table}.")).unwrap_or_default();
        format!("--rename {table}{}={}", self.from, self.to)
    }
}

/// `--default notes.summary=…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) table: String,
    pub(super) column: String,
    pub(super) text: String,
}

/// The options with a value, each with an example.
const VALUED: [(&str, &str); 3] =
    [("--adopt", "--adopt notes"), ("--rename", "--rename notes.text=body"), ("--default", "--default notes.summary=none")];

const FLAGS: [&str; 7] = ["--empty", "--dry-run", "--check", "--merge", "--concurrently", "--no-input", "--allow-data-loss"];

/// Maximum length of a name, in bytes.
const MAX_LENGTH: usize = 64;

impl Arguments {
    /// Parses the arguments after the name of the command.
    ///
    /// # Errors
    /// Returns a message for the first one that is invalid.
    pub(super) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut parsed = Arguments::default();
        if arguments.len() > 1 && arguments.iter().any(|argument| argument == "--merge") {
            return Err("makemigrations --merge takes no other arguments: it makes no migration".to_owned());
        }
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let (option, attached) = match argument.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value.to_owned())),
                _ => (argument.as_str(), None),
            };
            if let Some((_, example)) = VALUED.iter().find(|(valued, _)| *valued == option) {
                let value = attached.or_else(|| arguments.next().cloned()).unwrap_or_default();
                parsed.add(option, &value).ok_or_else(|| format!("makemigrations: {option} needs a value of the form {example}"))?;
            } else if FLAGS.contains(&option) && attached.is_none() {
                parsed.set(option);
            } else if argument.starts_with('-') {
                let known: Vec<&str> = FLAGS.into_iter().chain(VALUED.map(|(option, _)| option)).collect();
                return Err(format!("makemigrations has no option {option}; its options are {}", known.join(", ")));
            } else if parsed.name.is_some() {
                return Err(format!("makemigrations takes one name, and \"{argument}\" is a second one"));
            } else {
                check_name(argument)?;
                parsed.name = Some(argument.clone());
            }
        }
        Ok(parsed)
    }

    fn add(&mut self, option: &str, value: &str) -> Option<()> {
        if option == "--adopt" {
            return (!value.is_empty()).then(|| self.adopted.push(value.to_owned()));
        }
        let (place, value) = value.split_once('=')?;
        let (table, column) = match place.split_once('.') {
            Some((table, column)) => (Some(table.to_owned()), column),
            None => (None, place),
        };
        if column.is_empty() || table.as_ref().is_some_and(String::is_empty) {
            return None;
        }
        if option == "--rename" {
            (!value.is_empty()).then(|| self.renames.push(Rename { table, from: column.to_owned(), to: value.to_owned() }))
        } else {
            self.values.push(Value { table: table?, column: column.to_owned(), text: value.to_owned() });
            Some(())
        }
    }

    fn set(&mut self, flag: &str) {
        let field = match flag {
            "--empty" => &mut self.empty,
            "--dry-run" => &mut self.dry_run,
            "--check" => &mut self.check,
            "--merge" => &mut self.merge,
            "--concurrently" => &mut self.concurrently,
            "--no-input" => &mut self.no_input,
            _ => &mut self.allow_data_loss,
        };
        *field = true;
    }
}

/// Checks the name of a migration, which becomes part of the name of its folder.
fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(is_plain) && name.len() <= MAX_LENGTH {
        return Ok(());
    }
    Err(format!(
        "\"{name}\" cannot be the name of a migration. Use at most {MAX_LENGTH} lower-case letters, digits and underscores, beginning with a letter: \
         add_author_to_posts"
    ))
}
