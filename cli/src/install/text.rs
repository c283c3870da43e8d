//! Plans for people: aligned, and within 100 columns where paths allow it.

use rmcp_install::{Changed, Copy, Core, Goal, Inventory, Plan, Target};

use super::condition::Condition;
use super::tree;
use crate::table::{Align, count, lines};

/// Columns that a line has.
const WIDTH: usize = 100;

/// What was found, what becomes of it, what is left alone, and remarks.
pub fn plan(target: &Target, found: &Inventory, core: Option<&Core>, plan: &Plan, notes: &[String]) -> String {
    let mut out = vec![format!("{} {}:", goal(plan.goal), tree::name(target))];
    if found.copies.is_empty() {
        out.push("  none of AMD's libraries was found".to_owned());
    } else {
        out.push("found:".to_owned());
        let row = |copy: &Copy| {
            let condition = Condition::of(copy, core, plan);
            [copy.soname.clone(), condition.words().to_owned(), copy.path.display().to_string()].to_vec()
        };
        out.extend(lines(&[Align::Left; 3], &found.copies.iter().map(row).collect::<Vec<_>>()));
    }
    if !plan.changes.is_empty() {
        out.push("changes:".to_owned());
        for change in &plan.changes {
            out.push(format!("  {:<8}  {}", verb(change.becomes), change.path.display()));
            out.extend(wrap(&change.detail, &" ".repeat(12), ""));
        }
    }
    if !plan.untouched.is_empty() {
        out.push("left as they are:".to_owned());
        for file in &plan.untouched {
            out.push(format!("  {}", file.path.display()));
            out.extend(wrap(&file.reason, &" ".repeat(12), ""));
        }
    }
    out.extend(notes.iter().flat_map(|text| note(text, "")));
    out.into_iter().map(|line| line + "\n").collect()
}

/// What to do after a change.
pub fn closing(target: &Target, plan: &Plan) -> String {
    const RUNNING: &str = "Programs that are running keep what they have loaded until they are started again.";
    let (name, arguments) = (tree::name(target), target.arguments());
    let Some(state) = &plan.after else {
        return format!("done: nothing of RMCP is left in {name}.\n{RUNNING}\n");
    };
    let fronts = count(state.installed.len() as u64, "front");
    let commands = [
        ("To see what is installed:", "status"),
        ("After an upgrade of AMD's libraries:", "repair"),
        ("To take it out:", "uninstall"),
    ];
    let rows = commands.map(|(when, command)| vec![when.to_owned(), format!("rmcp {command} {arguments}")]);
    format!("done: {fronts} in place in {name}.\n{RUNNING}\n{}\n", lines(&[Align::Left; 2], &rows).join("\n"))
}

/// There is nothing to do.
pub fn nothing_to_do(target: &Target, found: &Inventory, plan: &Plan) -> String {
    let name = tree::name(target);
    match (plan.goal, &plan.after) {
        (Goal::Install, None) if found.copies.is_empty() => {
            format!("nothing to do: {name} has none of AMD's libraries.\n")
        }
        (Goal::Install, _) | (Goal::Repair, Some(_)) => {
            format!("nothing to do: {name} is up to date.\n")
        }
        (Goal::Repair | Goal::Uninstall, _) => format!("nothing to do: nothing of RMCP is installed in {name}.\n"),
    }
}

/// A remark, with what does not fit into the first line below it.
pub fn note(text: &str, indent: &str) -> Vec<String> {
    wrap(text, indent, "note: ")
}

/// `first` and the text, in lines that are all indented alike.
pub fn wrap(text: &str, indent: &str, first: &str) -> Vec<String> {
    let hanging = format!("{indent}{}", " ".repeat(first.len()));
    let mut out = Vec::new();
    let mut line = format!("{indent}{first}");
    let mut empty = true;
    for word in text.split(' ') {
        let width = line.chars().count() + 1 + word.chars().count();
        if !empty && width > WIDTH {
            out.push(std::mem::replace(&mut line, hanging.clone()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line += word;
        empty = false;
    }
    out.push(line);
    out
}

fn goal(goal: Goal) -> &'static str {
    match goal {
        Goal::Install => "install into",
        Goal::Repair => "repair",
        Goal::Uninstall => "uninstall from",
    }
}

fn verb(changed: Changed) -> &'static str {
    match changed {
        Changed::Fronted => "front",
        Changed::Renewed => "renew",
        Changed::Restored => "restore",
        Changed::Removed => "remove",
        Changed::Updated => "write",
        Changed::Diverted => "dpkg",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sentences_are_wrapped_below_their_beginning_and_long_words_are_left_whole() {
        let word = "x".repeat(60);
        let text = format!("{word} and {word} {}", "y".repeat(120));
        assert_eq!(
            note(&text, "  "),
            [format!("  note: {word} and"), format!("        {word}"), format!("        {}", "y".repeat(120))]
        );
        assert_eq!(note("short", ""), ["note: short"]);
    }
}
