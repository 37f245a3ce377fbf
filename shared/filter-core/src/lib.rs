//! Contracts and pure building blocks of every Portcullis filter
