//! Names that are derived from others.

/// Returns a name in snake case: `blog_post` for `BlogPost`, `http_log` for `HTTPLog`.
pub(crate) fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        let begins_word = letter.is_uppercase()
            && at > 0
            && (!letters[at - 1].is_uppercase() || letters.get(at + 1).is_some_and(|next| next.is_lowercase()));
        if begins_word && letters[at - 1] != '_' {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Returns the plural of a name: `categories` for `category`, `boxes` for `box`.
pub(crate) fn plural(name: &str) -> String {
    let ends_in = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if let Some(stem) = name.strip_suffix("person") {
        return format!("{stem}people");
    }
    if let Some(stem) = name.strip_suffix("child") {
        return format!("{stem}children");
    }
    match name.strip_suffix('y') {
        Some(stem) if !ends_in(&["ay", "ey", "oy", "uy"]) => format!("{stem}ies"),
        _ if ends_in(&["s", "x", "z", "ch", "sh"]) => format!("{name}es"),
        _ => format!("{name}s"),
    }
}

/// Returns a human-readable name: `Published at` for `published_at`, `Author` for `author_id`.
pub(crate) fn label(name: &str) -> String {
    let words = name.strip_suffix("_id").unwrap_or(name).replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{label, plural, snake};

    #[test]
    fn names_are_derived() {
        assert_eq!(["Post", "BlogPost", "HTTPLog", "PageV2"].map(snake), ["post", "blog_post", "http_log", "page_v2"]);
        assert_eq!(
            ["post", "category", "day", "box", "match", "child"].map(plural),
            ["posts", "categories", "days", "boxes", "matches", "children"]
        );
        assert_eq!(["published_at", "author_id", "id"].map(label), ["Published at", "Author", "Id"]);
    }
}
