//! The models: tokenizer, LSTM, training, speaking.
