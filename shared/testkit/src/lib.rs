//! Request builders and README checks shared by the tests
