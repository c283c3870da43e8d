#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Off,
    Audit,
    Default,
    Strict,
}
impl std::str::FromStr for Mode {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        Ok(match s {
            "off" => Self::Off,
            "audit" => Self::Audit,
            "default" => Self::Default,
            "strict" => Self::Strict,
            _ => return Err(()),
        })
    }
}
