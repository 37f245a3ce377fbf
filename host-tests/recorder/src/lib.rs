//! An upstream that records what really reached it and answers as scripted
